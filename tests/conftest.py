"""The fixtures of all tests: alice owns the account, and bob is another user."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeAlias

import pytest
import time_machine
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import connection
from django.dispatch import Signal
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from tests.environment import STATE
from tokens.http import throttles
from tokens.http.permissions import REQUIRED_SCOPES
from tokens.keys.keyring import keyring
from tokens.models import DeviceSession
from tokens.revocation import snapshot

pytest_plugins = [
    "tests.support.flushing",
    "tests.support.leaks",
    "tests.support.measuring",
    "tests.support.servers",
    "tests.support.selection",
    "tokens.testing.plugin",
]

Answer: TypeAlias = Any  # the response of Django's test client, whose type is private

# Each test client loads the middleware. WhiteNoise would read every static file each time.
settings.WHITENOISE_AUTOREFRESH = True
SITE_HASHERS = settings.PASSWORD_HASHERS
settings.PASSWORD_HASHERS = ["tests.support.hashing.QuickArgon2idHasher", *SITE_HASHERS[1:]]

PASSWORD = "seven wet otters"
HASHED = make_password(PASSWORD)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the engine, and whether the tests that need Node ran. .ci/run checks both."""
    terminalreporter.write_line(f"engine: {connection.vendor}")
    passed, skipped = (
        [report for report in terminalreporter.stats.get(outcome, []) if "node" in report.keywords]
        for outcome in ("passed", "skipped")
    )
    if passed or skipped:
        reasons = " ".join({report.longrepr[2] for report in skipped})
        terminalreporter.write_line(f"node: {len(passed)} tests passed {reasons}".strip())


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """Keep SQLite's test database in a file, because several threads and processes open it.

    Commits do not wait for the disk.
    """
    database = settings.DATABASES["default"]
    if connection.vendor == "sqlite":
        database["TEST"]["NAME"] = str(STATE / "test.sqlite3")
        database["OPTIONS"]["init_command"] += " PRAGMA synchronous=OFF;"
    else:
        database["OPTIONS"]["options"] = "-c synchronous_commit=off"


@pytest.fixture(autouse=True)
def empty_caches() -> None:
    keyring.invalidate()
    snapshot.revocations.invalidate()
    REQUIRED_SCOPES.clear()  # of the views of other tests


@pytest.fixture
def site_hashers(settings: Settings) -> None:
    """Hash passwords at the site's full cost."""
    settings.PASSWORD_HASHERS = SITE_HASHERS


@pytest.fixture
def alice(db: None) -> User:
    return User.objects.create(username="alice", email="alice@example.org", password=HASHED)


@pytest.fixture
def bob(db: None) -> User:
    return User.objects.create(username="bob", email="bob@example.org", password=HASHED)


@dataclass
class API:
    """The token endpoints, called as a program calls them."""

    client: Client

    def post(self, path: str, body: Any = None, *, bearer: str = "", **headers: str) -> Answer:
        if bearer:
            headers["Authorization"] = f"Bearer {bearer}"
        return self.client.post(
            f"/api/auth/{path}", body or {}, content_type="application/json", headers=headers
        )

    def get(self, path: str, *, bearer: str) -> Answer:
        return self.client.get(f"/api/auth/{path}", headers={"Authorization": f"Bearer {bearer}"})

    def delete(self, path: str, *, bearer: str) -> Answer:
        return self.client.delete(
            f"/api/auth/{path}", headers={"Authorization": f"Bearer {bearer}"}
        )

    def login(self, user: User, device: str = "phone") -> dict[str, Any]:
        """Sign in and return the pair."""
        body = {"username": user.username, "password": PASSWORD, "device": device}
        answer = self.post("login/", body)
        assert answer.status_code == 200, answer.content
        pair: dict[str, Any] = answer.json()
        return pair

    def refresh(self, token: str, *, key: str = "") -> Answer:
        headers = {"Idempotency-Key": key} if key else {}
        return self.post("refresh/", {"refresh": token}, **headers)

    def rotated(self, token: str, *, key: str = "") -> dict[str, Any]:
        """Refresh, which must succeed, and return the pair."""
        answer = self.refresh(token, key=key)
        assert answer.status_code == 200, answer.content
        pair: dict[str, Any] = answer.json()
        return pair


@pytest.fixture
def api() -> API:
    return API(Client())


def row(pair: dict[str, Any]) -> DeviceSession:
    """Return the current row of the pair's session."""
    return DeviceSession.objects.get(sid=pair["session"])


class Clock:
    """Time that stands still until `forward` is called."""

    def __init__(self, traveller: time_machine.Traveller) -> None:
        self.traveller = traveller

    def forward(self, **amount: float) -> None:
        self.traveller.shift(timedelta(**amount))


@pytest.fixture
def clock() -> Iterator[Clock]:
    with time_machine.travel(timezone.now(), tick=False) as traveller:
        yield Clock(traveller)


@pytest.fixture
def fresh_counters() -> Iterator[None]:
    """Reset the throttles before and after the test."""
    throttles.LOCAL_COUNTERS.storage.reset()
    yield
    throttles.LOCAL_COUNTERS.storage.reset()
    throttles._shared.cache_clear()


def allow(settings: Settings, **rates: str) -> None:
    """Set these throttle rates and remove all others."""
    settings.TOKENS = {**settings.TOKENS, "THROTTLES": rates}


Listen: TypeAlias = Callable[[Signal], list[dict[str, Any]]]


@pytest.fixture
def heard() -> Iterator[Listen]:
    """Return a function that connects to a signal and returns the list of its calls."""
    listeners = []

    def listen(signal: Signal) -> list[dict[str, Any]]:
        calls: list[dict[str, Any]] = []

        def note(sender: Any, **arguments: Any) -> None:
            calls.append(arguments)

        signal.connect(note, weak=False)
        listeners.append((signal, note))
        return calls

    yield listen
    for signal, note in listeners:
        signal.disconnect(note)
