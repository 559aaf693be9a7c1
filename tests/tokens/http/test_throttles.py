"""How often something may be tried, by whom, and that the owner is never locked out."""

import os
import signal
import socket
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from threading import Thread, active_count
from time import monotonic, time
from uuid import uuid4

import pytest
import redis
from django.db import connection
from django.http import HttpRequest
from pytest_django import DjangoAssertNumQueries, Settings
from rest_framework.exceptions import Throttled

from accounts.models import User
from tests.conftest import API, PASSWORD, Answer, Clock, allow, row
from tests.support.racing import race
from tokens.http import counters, throttles
from tokens.http.client_address import client_address, client_network
from tokens.models import DeviceSession

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("fresh_counters"),
]

HOME, THIEF = "192.0.2.1", "198.51.100.66"


def try_password(
    api: API, address: str, *, password: str | None = None, name: str = "alice"
) -> Answer:
    api.client.defaults["REMOTE_ADDR"] = address
    return api.post("login/", {"username": name, "password": password or "wrong"})


@pytest.mark.spec("ASVS 5.0", "6.1.1", "6.3.1")
@pytest.mark.parametrize("name", ["alice", "nobody", "alice@example.org"])
def test_after_ten_wrong_passwords_the_eleventh_try_waits_whoever_is_asked_for(
    api: API, alice: User, settings: Settings, clock: Clock, name: str
) -> None:
    allow(settings, login_pair="10 per 5 minutes")
    for _ in range(10):
        assert try_password(api, THIEF, name=name).status_code == 401
    refused = try_password(api, THIEF, name=name)
    assert (refused.status_code, refused.json()["code"]) == (429, "throttled")
    assert 290 <= int(refused["Retry-After"]) <= 301
    clock.forward(seconds=int(refused["Retry-After"]))
    assert try_password(api, THIEF, name=name).status_code == 401


def test_another_case_of_the_name_is_the_same_account(
    api: API, alice: User, settings: Settings
) -> None:
    allow(settings, login_pair="1 per minute")
    assert try_password(api, THIEF, name="alice@example.org").status_code == 401
    assert try_password(api, THIEF, name=" Alice@EXAMPLE.org ").status_code == 429


@pytest.mark.trap(45)
@pytest.mark.spec("ASVS 5.0", "6.3.8")
@pytest.mark.parametrize("rate", ["login_pair", "login_account"])
def test_no_refusal_tells_that_there_is_an_account_or_what_else_it_is_called(
    api: API, alice: User, settings: Settings, rate: str
) -> None:
    """Whatever spelling is tried, a name that nobody has is refused as often as alice's."""
    allow(settings, **{rate: "2 per hour"})
    answers = {}
    for name in ("alice", "nobody"):
        wide = "".join(chr(ord(letter) + 0xFEE0) for letter in name)
        tried = [name, wide, name.upper(), f"{name}@example.org"]
        answers[name] = [try_password(api, THIEF, name=name).status_code for name in tried]
    assert answers["alice"] == answers["nobody"] == [401, 401, 429, 401]


def test_a_throttled_try_costs_no_query_and_no_hash(
    api: API, alice: User, settings: Settings, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    allow(settings, login_address="1 per minute")
    try_password(api, THIEF)
    with django_assert_num_queries(0):
        assert try_password(api, THIEF, password=PASSWORD).status_code == 429
    assert not alice.device_sessions.exists()


@pytest.mark.trap(46)
def test_a_success_takes_no_try_back(api: API, alice: User, settings: Settings) -> None:
    allow(settings, login_pair="3 per minute")
    codes = [
        try_password(api, THIEF, password=password).status_code
        for password in ("wrong", PASSWORD, "wrong", "wrong")
    ]
    assert codes == [401, 200, 401, 429]


@pytest.mark.spec("ASVS 5.0", "6.1.1")
def test_a_lot_of_strangers_do_not_lock_the_owner_out(
    api: API, alice: User, bob: User, settings: Settings
) -> None:
    allow(settings, login_account="5 per hour")
    at_home = try_password(api, HOME, password=PASSWORD).json()
    for number in range(20):
        try_password(api, f"198.51.100.{number}")
    assert try_password(api, THIEF, password=PASSWORD).status_code == 429
    assert try_password(api, HOME, password=PASSWORD).status_code == 200
    assert try_password(api, HOME, password=PASSWORD, name="ALICE@example.org").status_code == 200
    assert try_password(api, THIEF, password=PASSWORD, name="bob").status_code == 200
    assert row(at_home).revoked_at is None


def test_who_has_been_in_many_places_is_at_home_where_they_were_last(
    api: API, alice: User, settings: Settings
) -> None:
    allow(settings, login_account="1 per hour")
    session = row(try_password(api, THIEF, password=PASSWORD).json())
    places = [*(f"10.0.{number // 250}.{number % 250}" for number in range(500)), HOME]
    for place in places:
        session.pk, session.sid, session.ip_address = None, uuid4(), place
        session.save(force_insert=True)
    DeviceSession.objects.filter(ip_address=THIEF).delete()
    assert try_password(api, THIEF, password=PASSWORD).status_code == 429
    assert try_password(api, HOME, password=PASSWORD).status_code == 200


def test_an_address_that_is_counted_out_does_not_count_against_the_account(
    api: API, alice: User, settings: Settings
) -> None:
    allow(settings, login_address="1 per hour", login_account="2 per hour")
    for _ in range(5):
        try_password(api, THIEF)
    assert try_password(api, HOME, password=PASSWORD).status_code == 200


def test_a_name_longer_than_any_is_at_home_nowhere(api: API, db: None, settings: Settings) -> None:
    allow(settings, login_account="1 per hour")
    codes = [try_password(api, HOME, name="%a_" * 15_000).status_code for _ in range(2)]
    assert codes == [401, 429]


def test_an_account_is_counted_for_itself(
    api: API, alice: User, bob: User, settings: Settings
) -> None:
    allow(settings, login_account="1 per hour")
    try_password(api, THIEF)
    assert try_password(api, THIEF).status_code == 429
    assert try_password(api, THIEF, name="bob").status_code == 401


@pytest.mark.trap(46)
def test_ipv6_is_counted_by_its_64_bits(api: API, alice: User, settings: Settings) -> None:
    allow(settings, login_address="1 per minute")
    assert try_password(api, "2001:db8::1").status_code == 401
    assert try_password(api, "2001:db8::ffff").status_code == 429
    assert try_password(api, "2001:db8:0:1::1").status_code == 401
    assert try_password(api, "::ffff:192.0.2.9").status_code == 401
    assert try_password(api, "192.0.2.9").status_code == 429


# Refresh and verify


@pytest.mark.trap(47)
def test_refresh_is_counted_by_session_not_by_address(
    api: API, alice: User, bob: User, settings: Settings
) -> None:
    allow(settings, refresh="2 per minute")
    phone, laptop = api.login(alice), api.login(bob)
    second = api.rotated(phone["refresh"])
    third = api.rotated(second["refresh"])
    refused = api.refresh(third["refresh"])
    assert refused.status_code == 429
    assert refused["Retry-After"]
    assert row(phone).generation == 3
    assert api.refresh(laptop["refresh"]).status_code == 200


@pytest.mark.trap(47)
def test_forged_tokens_are_counted_by_address_and_genuine_ones_are_not_stopped(
    api: API, alice: User, settings: Settings
) -> None:
    allow(settings, forged_token="2 per minute")
    pair = api.login(alice)
    assert [api.refresh("garbage").status_code for _ in range(4)] == [401, 401, 429, 429]
    assert api.rotated(pair["refresh"])["generation"] == 2
    api.client.defaults["REMOTE_ADDR"] = THIEF
    assert api.refresh("garbage").status_code == 401


def test_verify_is_counted_by_address(api: API, alice: User, settings: Settings) -> None:
    allow(settings, verify="1 per minute")
    pair = api.login(alice)
    assert api.post("verify/", {"token": pair["access"]}).status_code == 200
    assert api.post("verify/", {"token": pair["access"]}).status_code == 429


# Where the request came from


def came_from(settings: Settings, forwarded: str | None, *, proxies: int, peer: str) -> str | None:
    settings.TOKENS = {**settings.TOKENS, "PROXIES": proxies}
    request = HttpRequest()
    request.META["REMOTE_ADDR"] = peer
    if forwarded is not None:
        request.META["HTTP_X_FORWARDED_FOR"] = forwarded
    return client_address(request)


@pytest.mark.trap(46)
@pytest.mark.parametrize(
    ("forwarded", "proxies", "peer", "address"),
    [
        pytest.param("1.1.1.1", 0, HOME, HOME, id="not believed without a proxy"),
        pytest.param("1.1.1.1, 2.2.2.2", 1, HOME, "2.2.2.2", id="one proxy: the last"),
        pytest.param("1.1.1.1, 2.2.2.2", 2, HOME, "1.1.1.1", id="two proxies: the last but one"),
        pytest.param("2.2.2.2", 2, HOME, HOME, id="fewer hops than proxies"),
        pytest.param("made up, 2.2.2.2", 1, HOME, "2.2.2.2", id="a lie before the truth"),
        pytest.param("made up", 1, HOME, HOME, id="no address"),
        pytest.param(None, 1, HOME, HOME, id="no header"),
        pytest.param(None, 0, "", None, id="a socket file"),
        pytest.param(None, 0, "::ffff:192.0.2.1", HOME, id="IPv4 in IPv6"),
        pytest.param("203.0.113.7:5123", 1, HOME, "203.0.113.7", id="IPv4 with a port"),
        pytest.param("fe80::1%eth0", 1, HOME, HOME, id="IPv6 with a zone"),
        pytest.param("[2001:db8::1]:443", 1, HOME, "2001:db8::1", id="IPv6 with a port"),
        pytest.param("[2001:db8::1]", 1, HOME, "2001:db8::1", id="IPv6 in brackets"),
        pytest.param("2001:db8::1", 1, HOME, "2001:db8::1", id="IPv6"),
        pytest.param("2.2.2.2:x", 1, HOME, HOME, id="no port"),
        pytest.param("[2.2.2.2", 1, HOME, HOME, id="half a bracket"),
    ],
)
def test_forwarded_addresses_are_believed_as_far_as_our_proxies_go(
    settings: Settings, forwarded: str | None, proxies: int, peer: str, address: str | None
) -> None:
    assert came_from(settings, forwarded, proxies=proxies, peer=peer) == address


def test_by_a_socket_file_everybody_is_counted_together() -> None:
    assert client_network(None) == ""


# The counters


@pytest.mark.spec("ASVS 5.0", "6.3.1")
@pytest.mark.trap(46)
def test_of_simultaneous_tries_no_more_than_allowed_get_through(settings: Settings) -> None:
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
    throttles._shared.cache_clear()  # as another process would have it
    throttles.count("login_pair", "alice", HOME)
    with pytest.raises(Throttled):
        throttles.count("login_pair", "alice", HOME)
    client = redis.Redis.from_url(redis_url)
    kept = b" ".join(client.scan_iter())
    client.close()
    assert b"login_pair" in kept
    assert b"alice" not in kept


@pytest.mark.parametrize("database", [0, 99], ids=["no Redis", "no such database of Redis"])
def test_counters_that_are_not_shared_have_a_line_in_the_log_once_a_minute(
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


def test_without_redis_each_process_counts_for_itself(settings: Settings) -> None:
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
    """Return the address of a Redis to which no connection is ever made: its backlog is full."""
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
    """Return how long so many tries take together."""
    began = monotonic()
    for _ in range(tries):
        throttles.count("login_pair", "alice", HOME)
    return monotonic() - began


@pytest.mark.parametrize("how", ["silent", "black_hole"])
def test_a_redis_that_hangs_is_waited_for_once(
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


def test_one_thread_asks_again_whether_redis_answers(
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


def test_counters_are_shared_again_once_redis_answers(
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
        throttles.count("login_pair", "alice", HOME)  # again by this process alone
        now[0] += counters.PAUSE
        throttles.allows("login_pair", "alice", HOME)
        assert int(client.get(next(client.scan_iter("*login_pair*"))) or 0) >= 2
        assert not throttles.allows("login_pair", "alice", HOME)


def test_a_thread_that_finds_redis_back_is_not_refused() -> None:
    """Guards that the reason is looked at again under the lock: another thread has cleared it."""
    breaker = counters.CircuitBreaker()
    breaker._ask_at = monotonic() + 60
    breaker._admit_one()


def test_a_sign_in_and_a_refresh_do_not_wait_for_a_redis_that_hangs(
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


# The counters of one process


def test_a_window_ends_as_that_of_redis_does(clock: Clock) -> None:
    storage = counters.ProcessStorage()
    assert (storage.get("a"), storage.get_expiry("a")) == (0, time())
    assert [storage.incr("a", 60) for _ in range(3)] == [1, 2, 3]
    ends_at = time() + 60
    clock.forward(seconds=59)
    assert (storage.incr("a", 60), storage.get_expiry("a")) == (4, ends_at)
    assert storage.get("a") == 4
    clock.forward(seconds=1)
    assert (storage.get("a"), storage.get_expiry("a")) == (0, time())
    assert storage.incr("a", 60, amount=2) == 2
    storage.clear("a")
    storage.clear("a")
    assert storage.get("a") == 0
    assert storage.check()
    assert storage.base_exceptions == ()  # It never fails.
    assert (storage.incr("b", 60), storage.reset(), storage.reset()) == (1, 1, 0)


def test_counting_starts_no_thread() -> None:
    storage = counters.ProcessStorage()
    before = active_count()
    for number in range(1000):
        storage.incr(str(number), 60)
    assert active_count() == before


@pytest.fixture
def room_for_eight(monkeypatch: pytest.MonkeyPatch) -> counters.ProcessStorage:
    monkeypatch.setattr(counters, "MAX_COUNTERS", 8)
    monkeypatch.setattr(counters, "KEPT_COUNTERS", 6)
    return counters.ProcessStorage()


def test_no_more_counters_are_kept_than_there_is_room_for(
    room_for_eight: counters.ProcessStorage,
) -> None:
    for number in range(100):
        room_for_eight.incr(str(number), 60)
        assert len(room_for_eight._windows) <= 8


@pytest.mark.trap(46)
def test_many_other_counters_do_not_make_an_account_guessable_again(
    room_for_eight: counters.ProcessStorage,
) -> None:
    """Guards that counters with few hits are removed first, however new they are."""
    for _ in range(3):
        room_for_eight.incr("alice", 60)
    for number in range(100):
        room_for_eight.incr(str(number), 900)
        room_for_eight.incr(str(number), 900)
    assert room_for_eight.get("alice") == 3


def test_windows_that_have_ended_make_room_before_others(
    room_for_eight: counters.ProcessStorage, clock: Clock
) -> None:
    for number in range(4):
        for _ in range(5):
            room_for_eight.incr(f"short {number}", 60)
        room_for_eight.incr(f"long {number}", 600)
    clock.forward(seconds=61)
    room_for_eight.incr("another", 60)
    assert [room_for_eight.get(f"long {number}") for number in range(4)] == [1, 1, 1, 1]
    assert len(room_for_eight._windows) == 5


def test_a_counter_that_begins_again_needs_no_room(
    room_for_eight: counters.ProcessStorage, clock: Clock
) -> None:
    for number in range(8):
        room_for_eight.incr(str(number), 60 if number else 30)
    clock.forward(seconds=31)
    assert room_for_eight.incr("0", 60) == 1
    assert [room_for_eight.get(str(number)) for number in range(8)] == [1] * 8


def test_no_hit_is_lost_among_threads() -> None:
    storage, interval = counters.ProcessStorage(), sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        race(*[lambda: [storage.incr("a", 600) for _ in range(150_000)]] * 4)
    finally:
        sys.setswitchinterval(interval)
    assert storage.get("a") == 600_000
