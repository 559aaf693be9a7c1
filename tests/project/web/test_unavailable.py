"""During a database outage clients receive 503 and keep their tokens."""

import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from threading import Barrier
from typing import Any

import psycopg
import pytest
from django.db import close_old_connections, connection
from django.test import Client

from accounts.models import User
from tests.conftest import API, PASSWORD, Answer, row
from tests.project.conftest import Outage

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.spec("ASVS 5.0", "16.5.3"),
]

Pair = dict[str, str]
CALLS: dict[str, Callable[[API, Pair], Answer]] = {
    "login": lambda api, pair: api.post("login/", {"username": "alice", "password": PASSWORD}),
    "login of an unknown user": lambda api, pair: api.post(
        "login/", {"username": "x", "password": "x"}
    ),
    "refresh": lambda api, pair: api.refresh(pair["refresh"]),
    "refresh with a key": lambda api, pair: api.refresh(pair["refresh"], key="k" * 16),
    "logout": lambda api, pair: api.post("logout/", {"refresh": pair["refresh"]}),
    "logout all": lambda api, pair: api.post("logout/all/", bearer=pair["access"]),
    "logout others": lambda api, pair: api.post("logout/others/", bearer=pair["access"]),
    "verify": lambda api, pair: api.post("verify/", {"token": pair["access"]}),
    "sessions": lambda api, pair: api.get("sessions/", bearer=pair["access"]),
    "one session": lambda api, pair: api.delete(
        f"sessions/{pair['session']}/", bearer=pair["access"]
    ),
}
WRITING = {name: CALLS[name] for name in ("login", "refresh", "logout", "logout all")}


def is_unavailable(
    answer: Answer, detail: str = "The database cannot be used at the moment. Try again."
) -> None:
    assert answer.status_code == 503
    assert answer.json() == {"detail": detail, "code": "unavailable"}
    assert int(answer["Retry-After"]) > 0
    assert answer["Cache-Control"] == "no-store"
    assert "WWW-Authenticate" not in answer


@pytest.mark.trap(50)
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_without_the_database_a_request_can_be_repeated(
    api: API, alice: User, outage: Outage, call: Callable[[API, Pair], Answer]
) -> None:
    phone = api.login(alice)
    with outage():
        is_unavailable(call(api, phone))
    assert row(phone).revoked_at is None
    assert row(phone).generation == 1
    assert api.get("sessions/", bearer=phone["access"]).status_code == 200
    api.rotated(phone["refresh"])


@pytest.mark.trap(50)
@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="an error of psycopg")
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_after_a_closed_cursor_a_request_can_be_repeated(
    api: API, alice: User, call: Callable[[API, Pair], Answer]
) -> None:
    """Guards InterfaceError in connections.OUTAGES: psycopg raises it for a closed cursor."""

    def close(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        context["cursor"].close()
        return execute(sql, params, many, context)

    phone = api.login(alice)
    with connection.execute_wrapper(close):
        is_unavailable(call(api, phone))
    assert row(phone).generation == 1
    api.rotated(phone["refresh"])


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_statement_that_always_fails_is_an_error_of_the_site(
    alice: User, caplog: pytest.LogCaptureFixture, call: Callable[[API, Pair], Answer]
) -> None:
    """SQLite raises OperationalError for it, so clients would repeat the request in vain."""

    def replace(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        return execute(f"SELECT {'1,' * 5000}1", None, False, context)

    api = API(Client(raise_request_exception=False))
    phone = api.login(alice)
    with connection.execute_wrapper(replace):
        answer = call(api, phone)
    assert (answer.status_code, answer.json()["code"]) == (500, "error")
    assert "Retry-After" not in answer
    assert [record.exc_info for record in caplog.records if record.levelname == "ERROR"]
    assert row(phone).generation == 1
    api.rotated(phone["refresh"])


def test_a_foreign_token_is_refused_without_the_database(api: API, outage: Outage) -> None:
    with outage():
        assert api.refresh("a.b.c").status_code == 401
        assert api.post("refresh/", {}).status_code == 400
        assert api.get("sessions/", bearer="a.b.c").status_code == 401


@contextmanager
def locked() -> Iterator[None]:
    """Hold the lock that a writer waits for, and set a short lock timeout."""
    settings = connection.settings_dict
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA busy_timeout = 50")
        with closing(sqlite3.connect(settings["NAME"], isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield
            other.execute("ROLLBACK")
    else:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = 50")
        names = {"dbname": "NAME", "user": "USER", "host": "HOST", "port": "PORT"}
        place = {name: settings[key] for name, key in names.items() if settings[key]}
        with psycopg.connect(password=settings["PASSWORD"] or None, **place) as other:
            other.execute("LOCK accounts_user, tokens_devicesession IN EXCLUSIVE MODE")
            yield
            other.rollback()
    connection.close()


@pytest.mark.trap(50)
@pytest.mark.parametrize("call", WRITING.values(), ids=WRITING)
def test_after_a_lock_timeout_a_request_can_be_repeated(
    api: API, alice: User, call: Callable[[API, Pair], Answer]
) -> None:
    phone = api.login(alice)
    with locked():
        is_unavailable(call(api, phone))
    assert row(phone).revoked_at is None
    assert row(phone).generation == 1
    api.rotated(phone["refresh"])


@contextmanager
def standby() -> Iterator[None]:
    """Make the database read-only, like a standby before its promotion."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA query_only = on")
        else:
            cursor.execute("SET default_transaction_read_only = on")
    try:
        yield
    finally:
        connection.close()


@pytest.mark.trap(50)
@pytest.mark.parametrize("call", WRITING.values(), ids=WRITING)
def test_after_a_failover_a_request_can_be_repeated(
    api: API, alice: User, call: Callable[[API, Pair], Answer]
) -> None:
    phone = api.login(alice)
    with standby():
        is_unavailable(call(api, phone), "The database is read-only. Try again later.")
    assert row(phone).revoked_at is None
    api.rotated(phone["refresh"])


@pytest.fixture
def ask_threads() -> Iterator[Callable[[Callable[[], Answer], int], list[int]]]:
    """Return a function that lets each of some threads call once, and returns the statuses.

    The threads keep their connections, as those of the server do.
    """
    threads = ThreadPoolExecutor(6)

    def ask(call: Callable[[], Answer], count: int = 6) -> list[int]:
        together = Barrier(count)

        def run(number: int) -> int:
            together.wait(10)
            status = int(call().status_code)
            close_old_connections()  # as after each request, but the test client omits it
            return status

        return list(threads.map(run, range(count)))

    yield ask
    together = Barrier(6)

    def close(number: int) -> None:
        together.wait(10)
        connection.close()

    list(threads.map(close, range(6)))
    threads.shutdown()


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="connections that break")
def test_closed_connections_fail_one_request_only(
    api: API, alice: User, ask_threads: Callable[..., list[int]]
) -> None:
    """Guards check_connections: without it the connection of each thread would cause a 503."""
    phone = api.login(alice)

    def refresh() -> Answer:
        return API(Client()).refresh(phone["refresh"])

    assert ask_threads(refresh) == [200] * 6
    close_other_connections()
    assert ask_threads(refresh, 1) == [503]
    assert ask_threads(refresh) == [200] * 6


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="connections that break")
def test_closed_connections_fail_one_probe_only(
    caplog: pytest.LogCaptureFixture,
    transactional_db: None,
    ask_threads: Callable[..., list[int]],
) -> None:
    """Guards the same call in probes.readyz: a proxy may send no other request until a 200."""

    def probe() -> Answer:
        return Client().get("/readyz")

    assert ask_threads(probe) == [200] * 6
    close_other_connections()
    assert ask_threads(probe, 1) == [503]
    assert "database_unavailable" in caplog.text
    assert "reason" in caplog.text
    assert ask_threads(probe) == [200] * 6


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="connections that break")
def test_a_scrape_with_a_closed_connection_fails_no_request(
    transactional_db: None, ask_threads: Callable[..., list[int]]
) -> None:
    """Guards the same call in metrics.state, which answers 200 without the database."""

    def ask(path: str) -> Callable[[], Answer]:
        return lambda: Client().get(path, headers={"Host": "localhost"})

    assert ask_threads(ask("/readyz")) == [200] * 6
    close_other_connections()
    assert ask_threads(ask("/metrics"), 1) == [200]
    assert ask_threads(ask("/readyz")) == [200] * 6


def close_other_connections() -> None:
    """Make PostgreSQL close every connection to the test's database except this thread's."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        assert len(cursor.fetchall()) >= 2


def test_people_receive_an_error_page(client: Client, alice: User, outage: Outage) -> None:
    with outage():
        form = {"username": "alice", "password": PASSWORD}
        answer = client.post("/accounts/login/", form)
    assert answer.status_code == 503
    assert answer["Content-Type"].startswith("text/html")
    assert "The database cannot be used at the moment. Try again." in answer.content.decode()
    assert int(answer["Retry-After"]) > 0


def test_signed_in_people_receive_a_page_and_stay_signed_in(
    client: Client, alice: User, outage: Outage
) -> None:
    User.objects.filter(pk=alice.pk).update(is_staff=True)
    client.force_login(alice)
    with outage():
        assert client.get("/admin/").status_code == 503
    assert client.get("/admin/").status_code == 200


def test_the_home_page_needs_no_database(client: Client, outage: Outage) -> None:
    with outage():
        assert client.get("/").status_code == 200
