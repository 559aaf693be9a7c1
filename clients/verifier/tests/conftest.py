"""The fixtures: an issuer, a verifier that trusts it, and a clock that the tests move."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import latchkey_verifier
import pytest
import time_machine
from django.conf import settings
from issuer import AUDIENCE, Issuer
from latchkey_verifier import Verifier

# Django REST framework reads its settings when it is imported.
settings.configure(
    ALLOWED_HOSTS=["shop"],
    ROOT_URLCONF="drf_shop",
    INSTALLED_APPS=["rest_framework"],
    REST_FRAMEWORK={
        "DEFAULT_AUTHENTICATION_CLASSES": ["latchkey_verifier.drf.LatchkeyAuthentication"],
        "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
        "EXCEPTION_HANDLER": "latchkey_verifier.drf.exception_handler",
        "UNAUTHENTICATED_USER": None,
    },
)

pytest_plugins = ["latchkey_verifier.testing.plugin"]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    directory = Path(latchkey_verifier.__file__).parents[1]
    terminalreporter.write_line(f"latchkey_verifier: {directory}")


class Clock:
    """Time that stands still until `forward` is called."""

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
