"""The cast: an issuer, a verifier that believes it, and time that moves when it is told to."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import latchkey_verifier
import pytest
import time_machine
from issuer import AUDIENCE, Issuer
from latchkey_verifier import Verifier


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    where = Path(latchkey_verifier.__file__).parents[1]
    terminalreporter.write_line(f"latchkey_verifier: {where}")


class Clock:
    """Time that moves only when it is told to."""

    def __init__(self, traveller: time_machine.Traveller) -> None:
        self.traveller = traveller

    def forward(self, seconds: float) -> None:
        self.traveller.shift(timedelta(seconds=seconds))


@pytest.fixture
def clock() -> Iterator[Clock]:
    with time_machine.travel(datetime.now(UTC).replace(microsecond=0), tick=False) as traveller:
        yield Clock(traveller)


@pytest.fixture
def issuer(clock: Clock) -> Iterator[Issuer]:
    issuer = Issuer()
    yield issuer
    issuer.close()


@pytest.fixture
def verifier(issuer: Issuer) -> Verifier:
    return Verifier(issuer=issuer.url, audience=AUDIENCE, timeout=2)
