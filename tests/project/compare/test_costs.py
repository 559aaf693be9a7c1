"""Queries, times and disk space agree with what the database and another clock say."""

import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from secrets import token_bytes, token_hex
from statistics import median
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.sessions.models import Session
from django.db import connection, models
from django.db.backends.signals import connection_created
from django.test import Client

from accounts.models import User
from project.compare import costs
from project.compare.caller import MEASURED, PATH
from project.compare.calls import call_here, in_own_thread
from project.compare.costs import Chain
from project.compare.logins import Person, Way, demo_person, session_store
from project.compare.measured import expect, number, p95
from tests.conftest import API
from tests.project.compare.conftest import Observed
from tokens.models import DeviceSession

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
CALLS = 50
BUSY = 40  # milliseconds; other programs delay a call
#: A statement that reads or writes rows. PostgreSQL's log says before it how it was sent.
QUERY = re.compile(r"(statement: |execute \S+: )?\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\b")


def in_thread(function: Callable[[], Any]) -> Any:
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(in_own_thread(function)).result()


def queries_by_engine(call: Callable[[], object]) -> float:
    """Return the queries of one call, as the database reports them."""
    listen = by_sqlite if connection.vendor == "sqlite" else by_postgresql
    with listen() as statements:
        for _ in range(CALLS):
            call()
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    queries = [one for one in statements if QUERY.match(one)]
    assert queries, "The database reported nothing."
    return (len(queries) - 1) / CALLS


@contextmanager
def by_sqlite() -> Iterator[list[str]]:
    """SQLite reports each statement that it executes."""
    statements: list[str] = []
    connection.ensure_connection()
    connection.connection.set_trace_callback(statements.append)
    yield statements
    connection.connection.set_trace_callback(None)


@contextmanager
def by_postgresql() -> Iterator[list[str]]:
    """PostgreSQL sends its log of a connection's statements to that connection."""
    statements: list[str] = []

    def hear(diagnostic: Any) -> None:
        statements.append(diagnostic.message_primary)

    def ask(connection: Any, **_: object) -> None:
        raw = connection.connection
        raw.add_notice_handler(hear)
        raw.execute("SET log_statement = 'all'")
        raw.execute("SET client_min_messages = log")

    connection.close()  # so that the next one is heard
    connection_created.connect(ask)
    connection.ensure_connection()
    yield statements
    connection_created.disconnect(ask)
    connection.close()


@pytest.fixture
def person() -> Any:
    with demo_person() as person:
        yield person


@pytest.mark.parametrize("way", Way)
def test_queries_are_those_that_the_database_counts(
    observed: Observed, person: Person, way: Way
) -> None:
    """Tolerance: none."""
    request = person.sign_in(way).request
    in_thread(lambda: expect(call_here(request), 200))
    counted = in_thread(lambda: queries_by_engine(lambda: expect(call_here(request), 200)))
    measured = number(observed.rows["queries_per_request"].values[way])
    assert measured == counted
    assert measured == (3 if way is Way.SESSION else 0)


@pytest.mark.parametrize("way", [Way.HEADER, Way.COOKIE])
def test_refreshes_have_the_queries_that_the_database_counts(
    observed: Observed, person: Person, way: Way
) -> None:
    """Tolerance: none."""
    chain = Chain(person.sign_in(way))
    in_thread(chain.renew)
    counted = in_thread(lambda: queries_by_engine(chain.renew))
    assert number(observed.rows["refresh_queries"].values[way]) == counted


@pytest.mark.parametrize("way", Way)
def test_median_time_is_that_of_another_caller(
    observed: Observed, person: Person, way: Way
) -> None:
    """Tolerance: four times as much or as little, and BUSY."""
    client, headers = Client(), person.sign_in(way).headers
    extra: dict[str, Any] = {MEASURED: True}
    seen = []
    for _ in range(CALLS):
        began = time.monotonic_ns()
        answer = client.get(PATH, headers=headers, SERVER_NAME="localhost", **extra)
        seen.append((time.monotonic_ns() - began) / 1e6)
        assert answer.status_code == 200
    measured = number(observed.rows["server_ms"].values[way])
    assert median(seen) / 4 - BUSY < measured < 4 * median(seen) + BUSY


@pytest.mark.parametrize("way", Way)
def test_times_are_those_of_another_clock(observed: Observed, way: Way) -> None:
    """Tolerance: a millisecond, and two calls that other programs delayed between the clocks."""
    turns = observed.timed[costs.WARM_UP * len(Way) :][: costs.CALLS * len(Way)]
    seen = sorted(turns[[*Way].index(way) :: len(Way)])
    middle = number(observed.rows["server_ms"].values[way])
    assert round(median(seen), 2) <= middle < seen[len(seen) // 2 + 2] + 1
    slow = number(observed.rows["server_p95_ms"].values[way])
    assert round(p95(seen), 2) <= slow < seen[-3] + 1


@pytest.mark.parametrize("way", [Way.HEADER, Way.COOKIE])
def test_times_of_refreshes_are_those_of_another_caller(
    observed: Observed, person: Person, api: API, way: Way
) -> None:
    """Tolerance: four times as much or as little, and BUSY. Both ways write the same row."""
    token, seen = person.sign_in(Way.HEADER).refresh, []
    for _ in range(20):
        began = time.monotonic_ns()
        token = api.rotated(token)["refresh"]
        seen.append((time.monotonic_ns() - began) / 1e6)
    measured = number(observed.rows["refresh_ms"].values[way])
    assert median(seen) / 4 - BUSY < measured < 4 * median(seen) + BUSY


def test_medians_are_those_of_the_samples(observed: Observed) -> None:
    for row in ("queries_per_request", "server_ms", "refresh_queries", "refresh_ms"):
        for way, samples in observed.rows[row].samples.items():
            assert len(samples) in (1, 20, 100)
            measured = number(observed.rows[row].values[way])
            assert measured == pytest.approx(median(samples), abs=0.01)


def size(model: type[models.Model]) -> int:
    """Return the bytes of the table, or of the whole SQLite database."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT pg_total_relation_size(%s)", [model._meta.db_table])
            return int(cursor.fetchone()[0])
        cursor.execute("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
        return int(cursor.fetchone()[0])


def grown(rows: list[models.Model]) -> float:
    """Return how many bytes a million rows like these add to the table."""
    model = type(rows[0])
    with connection.cursor() as cursor:
        cursor.execute("VACUUM" if connection.vendor == "sqlite" else "VACUUM FULL")
    before = size(model)
    model._base_manager.bulk_create(rows)
    return (size(model) - before) * 1_000_000 / len(rows)


def test_disk_space_is_that_of_real_tables(observed: Observed, person: Person) -> None:
    """Tolerance: a fifth, because tables grow by pages."""
    login = person.sign_in(Way.SESSION)
    (fields,) = DeviceSession.objects.filter(pk=login.session.pk).values()
    users = User.objects.bulk_create(User(username=f"user{number}") for number in range(3000))
    rows = [
        DeviceSession(
            **{**fields, "id": None, "user_id": user.pk, "sid": uuid4(), "nonce": token_bytes(16)}
        )
        for user in users
    ]
    store = session_store(login.secret)
    data, date = store.encode(store.load()), store.get_expiry_date()
    browsers = [
        Session(session_key=token_hex(20), session_data=data, expire_date=date) for _ in rows
    ]
    disk = observed.rows["disk_bytes"]
    row, browser = grown([*rows]), grown([*browsers])
    assert number(disk.access_header) == pytest.approx(row, rel=0.2)
    assert disk.access_header == disk.access_cookie
    assert number(disk.session) == pytest.approx(row + browser, rel=0.2)
