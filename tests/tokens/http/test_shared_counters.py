"""Processes share their counters in Redis, and do not wait for a Redis that hangs."""

import os
import signal
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from threading import Thread
from time import monotonic

import pytest
import redis
from django.db import connection
from pytest_django import Settings
from rest_framework.exceptions import Throttled

from accounts.models import User
from tests.conftest import API, Clock, allow
from tests.support.racing import race
from tokens.http import counters, throttles

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("fresh_counters"),
]

HOME = "192.0.2.1"


@pytest.mark.spec("ASVS 5.0", "6.3.1")
@pytest.mark.trap(46)
def test_simultaneous_tries_do_not_exceed_the_limit(settings: Settings) -> None:
    """Guards `hit`, which counts and compares in one step."""
    allow(settings, login_pair="5 per minute")

    def try_it(_: int) -> bool:
        try:
            throttles.count("login_pair", "alice", HOME)
        except Throttled:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(12) as pool:
        assert 1 <= sum(pool.map(try_it, range(60))) <= 5


def test_processes_share_their_counters_in_redis(settings: Settings, redis_url: str) -> None:
    allow(settings, login_pair="2 per minute")
    settings.TOKENS = {**settings.TOKENS, "THROTTLE_STORAGE": redis_url}
    throttles.count("login_pair", "alice", HOME)
    throttles._shared.cache_clear()  # as in another process
    throttles.count("login_pair", "alice", HOME)
    with pytest.raises(Throttled):
        throttles.count("login_pair", "alice", HOME)
    client = redis.Redis.from_url(redis_url)
    kept = b" ".join(client.scan_iter())
    client.close()
    assert b"login_pair" in kept
    assert b"alice" not in kept


@pytest.mark.parametrize("database", [0, 99], ids=["no Redis", "no such database of Redis"])
def test_unshared_counters_are_logged_once_a_minute(
    settings: Settings,
    redis_url: str,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
    database: int,
) -> None:
    allow(settings, login_pair="10 per hour")
    there = redis_url.removesuffix("/0") if database else "redis://:pass1word@127.0.0.1:1"
    settings.TOKENS = {**settings.TOKENS, "THROTTLE_STORAGE": f"{there}/{database}"}
    for lines in (1, 2):
        for _ in range(3):
            throttles.count("login_pair", "alice", HOME)
        said = [record.getMessage() for record in caplog.records]
        assert len([line for line in said if "throttle_storage_unavailable" in line]) == lines
        clock.forward(seconds=61)
    assert "pass1word" not in caplog.text
    assert ("DB index" in caplog.text) is bool(database)


def test_without_redis_each_process_counts_separately(settings: Settings) -> None:
    allow(settings, login_pair="1 per minute")
    settings.TOKENS = {**settings.TOKENS, "THROTTLE_STORAGE": "redis://127.0.0.1:1/0"}
    throttles.count("login_pair", "alice", HOME)
    with pytest.raises(Throttled):
        throttles.count("login_pair", "alice", HOME)


# A Redis that does not answer


class SilentServer:
    """Accepts connections and never answers; counts them."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://127.0.0.1:{self.listener.getsockname()[1]}/0"
        self.accepted: list[socket.socket] = []
        self.thread = Thread(target=self.run)
        self.thread.start()

    def run(self) -> None:
        with suppress(OSError):
            while True:
                self.accepted.append(self.listener.accept()[0])

    def close(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        for connected in (self.listener, *self.accepted):
            connected.close()


@pytest.fixture
def silent() -> Iterator[SilentServer]:
    server = SilentServer()
    yield server
    server.close()


@pytest.fixture
def black_hole() -> Iterator[str]:
    """Return the URL of a Redis that accepts no connection, because its backlog is full."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}/0"


def seconds_of(tries: int) -> float:
    """Return the total time of this many tries."""
    began = monotonic()
    for _ in range(tries):
        throttles.count("login_pair", "alice", HOME)
    return monotonic() - began


@pytest.mark.parametrize("how", ["silent", "black_hole"])
def test_requests_wait_once_for_a_hanging_redis(
    settings: Settings, request: pytest.FixtureRequest, how: str
) -> None:
    allow(settings, login_pair="20 per hour")
    hanging = request.getfixturevalue(how)
    url = hanging.url if isinstance(hanging, SilentServer) else hanging
    settings.TOKENS = {**settings.TOKENS, "THROTTLE_STORAGE": url}
    assert seconds_of(1) > 0.2
    assert seconds_of(19) < 19 * 0.25 / 2
    with pytest.raises(Throttled):
        throttles.count("login_pair", "alice", HOME)


def test_one_thread_tries_redis_again(
    settings: Settings, silent: SilentServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(counters, "monotonic", lambda: now[0])
    allow(settings, login_pair="1000 per hour")
    settings.TOKENS = {**settings.TOKENS, "THROTTLE_STORAGE": silent.url}
    seconds_of(1)
    for asked in (1, 2, 3):
        race(*[lambda: seconds_of(5)] * 8)
        assert len(silent.accepted) == asked
        now[0] += counters.PAUSE


def test_counters_are_shared_again_when_redis_answers(
    settings: Settings, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(counters, "monotonic", lambda: now[0])
    allow(settings, login_pair="2 per hour")
    settings.TOKENS = {**settings.TOKENS, "THROTTLE_STORAGE": redis_url}
    with redis.Redis.from_url(redis_url) as client:
        process = client.info("server")["process_id"]
        throttles.count("login_pair", "alice", HOME)
        os.kill(process, signal.SIGSTOP)
        try:
            throttles.count("login_pair", "alice", HOME)
        finally:
            os.kill(process, signal.SIGCONT)
        throttles.count("login_pair", "alice", HOME)  # again in this process only
        now[0] += counters.PAUSE
        throttles.allows("login_pair", "alice", HOME)
        assert int(client.get(next(client.scan_iter("*login_pair*"))) or 0) >= 2
        assert not throttles.allows("login_pair", "alice", HOME)


def test_the_thread_that_finds_redis_working_is_not_refused() -> None:
    """Guards that the reason is read again under the lock: another thread has cleared it."""
    breaker = counters.CircuitBreaker()
    breaker._ask_at = monotonic() + 60
    breaker._admit_one()


def test_sign_in_and_refresh_do_not_wait_for_redis(
    api: API,
    alice: User,
    settings: Settings,
    silent: SilentServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(counters, "monotonic", lambda: 0.0)
    rates = dict.fromkeys(("login_pair", "login_account", "login_address", "refresh"), "9 per hour")
    allow(settings, **rates)
    settings.TOKENS = {**settings.TOKENS, "THROTTLE_STORAGE": silent.url}
    for _ in range(3):
        api.rotated(api.login(alice)["refresh"])
    assert len(silent.accepted) == 1
