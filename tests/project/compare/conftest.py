"""One run of the comparison, which the tests watch from outside: at the socket and by signals."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings
from django.contrib.auth.models import Group
from django.contrib.sessions.models import Session
from django.db import connection
from django_tasks_db.models import DBTaskResult
from pytest_django import DjangoDbBlocker

import project.wsgi  # noqa: F401  (it sets up the log, so not with the stream of a test)
from accounts.models import User
from project.compare import costs, endings, second
from project.compare.caller import PATH
from project.compare.calls import Answer, Request, call_here
from project.compare.measured import Measured
from project.compare.run import measure
from tests.support.wiretap import Passed, Wiretap, wiretap
from tokens.conf import conf
from tokens.keys.keyring import keyring
from tokens.models import BlacklistedToken, DeviceSession, Event, SigningKey
from tokens.signals import session_ended

TABLES = (User, DeviceSession, Event, BlacklistedToken, SigningKey, Group, Session, DBTaskResult)
#: Shorter than the defaults, so that a run takes less time.
INTERVALS = {"SNAPSHOT_INTERVAL": 1, "STATUS_LIST_MAX_AGE": 2}  # seconds


@dataclass
class Observed:
    """The results of a run, and what the tests have seen of it."""

    rows: dict[str, Measured] = field(default_factory=dict)
    passed: list[Passed] = field(default_factory=list)
    here: list[Passed] = field(default_factory=list)  # the calls in this process
    timed: list[float] = field(default_factory=list)  # milliseconds of PATH in this process
    ended: dict[UUID, float] = field(default_factory=dict)  # `time.time` by `sid`
    pids: list[int] = field(default_factory=list)
    before: list[int] = field(default_factory=list)
    after: list[int] = field(default_factory=list)
    duration: float = 0.0  # seconds


def counts() -> list[int]:
    return [table._base_manager.count() for table in TABLES]


def database_url() -> str:
    """Return the URL of the test database for another process."""
    there = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{there['NAME']}"
    return "postgres://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**there)


@contextmanager
def same_site() -> Iterator[None]:
    """Let the second process use the test database, and shorten the intervals of both."""
    shorter = {name: timedelta(seconds=seconds) for name, seconds in INTERVALS.items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings, "TOKENS", {**settings.TOKENS, **shorter})
        conf.cache_clear()
        patch.setenv("DATABASE_URL", database_url())
        for name, seconds in INTERVALS.items():
            patch.setenv(name, str(seconds))
        yield
    conf.cache_clear()


@pytest.fixture
def second_site(transactional_db: None) -> Iterator[None]:
    """A second process that the test starts uses the test database."""
    with same_site():
        yield


@contextmanager
def observation(observed: Observed) -> Iterator[None]:
    """Put a proxy in front of the second process, and listen to the ends of sessions."""
    wait = second.Second.wait

    def wait_and_tap(process: second.Second) -> None:
        wait(process)
        tap: Wiretap = stack.enter_context(wiretap(process.port))
        process.port, observed.passed = tap.port, tap.passed
        observed.pids.append(process.process.pid)

    def call_and_note(request: Request) -> Answer:
        answer = call_here(request)
        text = "".join(f"{name}: {value}\r\n" for name, value in request.all_headers.items())
        line = f"{request.method} {request.path} HTTP/1.1\r\n"
        observed.here.append(Passed(f"{line}{text}".encode(), answer.status, time.time()))
        return answer

    def call_and_time(request: Request) -> Answer:
        began = time.monotonic_ns()
        answer = call_here(request)
        ended = time.monotonic_ns()
        if request.path == PATH:
            observed.timed.append((ended - began) / 1e6)
        return answer

    def note(session: DeviceSession, **kwargs: Any) -> None:
        observed.ended[session.sid] = time.time()

    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        patch.setattr(second.Second, "wait", wait_and_tap)
        patch.setattr(endings, "call_here", call_and_note)
        patch.setattr(costs, "call_here", call_and_time)
        session_ended.connect(note)
        stack.callback(session_ended.disconnect, note)
        yield


@pytest.fixture(scope="session")
def observed(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Observed:
    """A complete run on the test database, which is empty afterwards."""
    observed = Observed()
    with django_db_blocker.unblock(), same_site(), observation(observed):
        keyring.invalidate()
        keyring.current()
        observed.before = counts()
        began = time.monotonic()
        observed.rows = {row.id: row for row in measure()}
        observed.duration = time.monotonic() - began
        observed.after = counts()
        for table in (Event, SigningKey):
            table._base_manager.all().delete()
        keyring.invalidate()
        connection.close()
    return observed
