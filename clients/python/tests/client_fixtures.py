"""The fixtures: a site, stores, a client that is signed in, and a clock that the tests move."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import latchkey_client
import pytest
import time_machine
from latchkey_client import Client, FileStore
from latchkey_client.state import State
from pretend_site import PASSWORD, Answer, PretendSite


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    directory = Path(latchkey_client.__file__).parents[1]
    terminalreporter.write_line(f"latchkey_client: {directory}")


class Clock:
    """The wall clock, which the tests set. It does not move by itself."""

    def __init__(self, traveller: time_machine.Traveller) -> None:
        self.traveller = traveller

    def forward(self, seconds: float) -> None:
        self.traveller.shift(timedelta(seconds=seconds))


@pytest.fixture
def clock() -> Iterator[Clock]:
    with time_machine.travel(datetime.now(UTC).replace(microsecond=0), tick=False) as traveller:
        yield Clock(traveller)


@pytest.fixture
def site() -> Iterator[PretendSite]:
    site = PretendSite()
    yield site
    site.close()


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "session.json")


@pytest.fixture
def client(site: PretendSite, store: FileStore) -> Client:
    """Return alice's client, which is signed in."""
    return sign_in(site, store)


def sign_in(site: PretendSite, store: FileStore) -> Client:
    client = Client(site.url, store=store, timeout=5, patience=5)
    client.sign_in("alice", PASSWORD, device="laptop")
    return client


def stored(store: FileStore) -> State:
    """Return the state in the store, which is not empty."""
    text = store.read()
    assert text is not None
    return State.parse(text)


def slow(answer: Answer) -> Answer:
    """Delay an answer of the site."""
    time.sleep(0.3)
    return answer
