"""The queries and written rows of each request."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accounts.models import User
from tests.conftest import API, Clock, row
from tokens.keys.keyring import keyring
from tokens.models import DeviceSession, Event, EventKind
from tokens.revocation import snapshot

pytestmark = pytest.mark.django_db(transaction=True)

TRANSACTION = ("BEGIN", "COMMIT")


@pytest.fixture(autouse=True)
def in_steady_state(db: None) -> None:
    """Queries that a process runs once a second are not counted."""
    keyring.current()
    snapshot.revocations.current()


@contextmanager
def costs(queries: int, writes: int) -> Iterator[None]:
    """Assert the maximum number of statements, and the number of those that write."""
    with CaptureQueriesContext(connection) as captured:
        yield
    statements = [query["sql"].strip() for query in captured]
    statements = [sql for sql in statements if not sql.startswith(TRANSACTION)]
    writing = [sql for sql in statements if sql.startswith(("UPDATE", "INSERT", "DELETE"))]
    assert len(statements) <= queries, statements
    assert len(writing) == writes, writing


def test_a_sign_in_costs_five_queries_and_one_event(api: API, alice: User) -> None:
    alice.groups.add(Group.objects.create(name="editors"))
    for device in ("phone", "laptop"):  # The second one is new, which costs the same.
        Event.objects.filter(kind=EventKind.ROLES_CHANGED).delete()
        with costs(queries=6, writes=3):
            api.login(alice, device)
        DeviceSession.objects.all().delete()
    assert Event.objects.filter(user=alice).count() == 2


def test_a_sign_in_adds_one_session(api: API, alice: User) -> None:
    api.login(alice)
    assert DeviceSession.objects.count() == 1


def test_a_refresh_costs_one_query_and_writes_one_row(api: API, alice: User) -> None:
    pair = api.login(alice)
    before = Event.objects.count()
    with costs(queries=1, writes=1):
        api.rotated(pair["refresh"])
    assert Event.objects.count() == before


def test_a_fallback_of_the_secret_key_costs_no_query(
    api: API, alice: User, settings: Settings
) -> None:
    """Guards that a session is moved to the newest secret key only once."""
    settings.SECRET_KEY_FALLBACKS = ["an older secret key"]
    pair = api.login(alice)
    with costs(queries=1, writes=1):
        api.rotated(pair["refresh"])


@pytest.mark.parametrize("address", ["127.0.0.1", "192.0.2.7"], ids=["same", "elsewhere"])
def test_a_retry_costs_two_queries_and_changes_no_row(api: API, alice: User, address: str) -> None:
    pair = api.login(alice)
    api.rotated(pair["refresh"])
    before = row(pair)
    api.client.defaults["REMOTE_ADDR"] = address
    with costs(queries=2, writes=1):  # the conditional UPDATE, which finds no row
        api.rotated(pair["refresh"])
    assert row(pair).rotated_at == before.rotated_at
    assert bytes(row(pair).secret_hash) == bytes(before.secret_hash)


def test_an_invalid_token_costs_no_query(api: API, alice: User) -> None:
    with costs(queries=0, writes=0):
        api.refresh("garbage")
        api.post("verify/", {"token": "garbage"})
        api.post("logout/", {"refresh": "garbage"})
        api.post("logout/all/", bearer="garbage")


def test_signing_out_costs_at_most_two_queries_and_one_event(api: API, alice: User) -> None:
    phone, laptop, _ = api.login(alice), api.login(alice), api.login(alice)
    with costs(queries=2, writes=2):
        api.post("logout/", {"refresh": phone["refresh"]})
    with costs(queries=3, writes=2):
        api.post("logout/all/", bearer=laptop["access"])


def test_reuse_costs_three_queries_two_events_and_a_mail(
    api: API, alice: User, clock: Clock
) -> None:
    pair = api.login(alice)
    api.rotated(pair["refresh"])
    clock.forward(minutes=1)
    with costs(queries=6, writes=5):
        api.refresh(pair["refresh"])
    with costs(queries=2, writes=1):
        api.refresh(pair["refresh"])


def test_an_authenticated_request_costs_one_query(api: API, alice: User) -> None:
    pair = api.login(alice)
    with costs(queries=2, writes=0):
        api.get("sessions/", bearer=pair["access"])
    with costs(queries=1, writes=0):
        api.post("verify/", {"token": pair["access"]})


def test_a_rotation_changes_no_indexed_column(api: API, alice: User) -> None:
    """PostgreSQL rewrites a row in place only if no indexed column changes."""
    pair = api.login(alice)
    before = DeviceSession.objects.values().get()
    api.rotated(pair["refresh"])
    after = DeviceSession.objects.values().get()
    changed = {name for name, value in before.items() if value != after[name]}  # type: ignore[literal-required]
    with connection.cursor() as cursor:
        table = DeviceSession._meta.db_table
        constraints = connection.introspection.get_constraints(cursor, table)
    indexed = {
        column
        for constraint in constraints.values()
        if constraint["index"] or constraint["unique"] or constraint["primary_key"]
        for column in constraint["columns"]
    }
    assert {"generation", "secret_hash", "nonce", "rotated_at", "idle_expires_at"} <= changed
    assert indexed == {
        *("id", "sid", "user_id", "expires_at"),
        *("revoked_at", "revoked_reason", "roles_changed_at"),
    }
    assert not indexed & changed


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="a property of PostgreSQL")
def test_postgresql_rewrites_rotated_rows_in_place(api: API, alice: User) -> None:
    pair = api.login(alice)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute(
            "SELECT pg_stat_reset_single_table_counters('tokens_devicesession'::regclass)"
        )
    for _ in range(20):
        pair = api.rotated(pair["refresh"])
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute(
            "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables"
            " WHERE relname = 'tokens_devicesession'"
        )
        updated, in_place = cursor.fetchone()
        cursor.execute("SELECT reloptions FROM pg_class WHERE relname = 'tokens_devicesession'")
        assert cursor.fetchone() == (["fillfactor=80"],)
    assert (updated, in_place) == (20, 20)
