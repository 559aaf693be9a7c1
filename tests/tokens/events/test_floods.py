"""A flood of events is counted in few rows, also if the callers are simultaneous."""

from collections.abc import Callable
from functools import partial

import pytest
from django.contrib.auth.signals import user_login_failed
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from tests.conftest import API, Clock
from tests.support.racing import race
from tests.tokens.events.conftest import forget, kinds, only
from tokens.events import store
from tokens.events.store import flood_key, write
from tokens.models import DeviceSession, Event, EventKind, Reason
from tokens.sessions.lifecycle import Device, open_session, revoke_sessions

pytestmark = pytest.mark.django_db(transaction=True)

FAILURE = {"username": "alice", "password": "eight wet otters"}


def fail(api: API, address: str = "127.0.0.1") -> None:
    api.client.defaults["REMOTE_ADDR"] = address
    assert api.post("login/", FAILURE).status_code == 401


def test_failures_within_a_second_are_one_row(api: API, alice: User, clock: Clock) -> None:
    for _ in range(3):
        fail(api)
    assert only(EventKind.SIGN_IN_FAILED).count == 3
    clock.forward(seconds=1)
    fail(api)
    assert [event.count for event in Event.objects.order_by("pk")] == [3, 1]


def test_the_same_events_of_one_statement_are_one_row(alice: User, clock: Clock) -> None:
    write(Event(kind=EventKind.ROLES_CHANGED, user_id=alice.pk) for _ in range(3))
    assert only(EventKind.ROLES_CHANGED).count == 3


def test_each_session_has_its_own_events(api: API, alice: User, clock: Clock) -> None:
    sids = {api.login(alice)["session"] for _ in range(2)}
    revoke_sessions([alice.pk], Reason.ADMIN)
    for kind in (EventKind.SIGN_IN, EventKind.SESSION_ENDED):
        assert {str(event.sid) for event in Event.objects.filter(kind=kind)} == sids


#: Two addresses, and whether failures from them are counted in one row.
ADDRESSES = {
    "the same": ("192.0.2.7", "192.0.2.7", 1),
    "another IPv4 address": ("192.0.2.7", "192.0.2.8", 2),
    "another address of the same /64": ("2001:db8:1:1::1", "2001:db8:1:1::2", 1),
    "the next /64": ("2001:db8:1:1::1", "2001:db8:1:2::1", 2),
    "without an address": ("", "", 1),
}


@pytest.mark.parametrize(("first", "then", "rows"), ADDRESSES.values(), ids=ADDRESSES)
def test_a_network_of_a_flood_counts_as_one(
    api: API, alice: User, clock: Clock, *, first: str, then: str, rows: int
) -> None:
    fail(api, first)
    fail(api, then)
    assert len(kinds()) == rows


def test_a_client_cannot_split_a_flood_by_its_headers(api: API, alice: User, clock: Clock) -> None:
    for number in range(5):
        api.client.defaults["HTTP_USER_AGENT"] = f"Tool{number}/1.0"
        fail(api)
    assert only(EventKind.SIGN_IN_FAILED).count == 5


def test_unknown_names_are_counted_together(api: API, alice: User, clock: Clock) -> None:
    for number in range(5):
        api.post("login/", {**FAILURE, "username": f"nobody-{number}"})
    assert only(EventKind.SIGN_IN_FAILED).count == 5


@pytest.mark.slow
def test_a_simultaneous_flood_loses_no_failure(alice: User) -> None:
    """Guards ON CONFLICT: callers that look and then write would lose counts, or add rows."""
    seconds = []

    def attack(name: str) -> None:
        for _ in range(125):
            user_login_failed.send("test", credentials={"username": name}, request=None)
            seconds.append(timezone.now().second)

    names = ["alice", "alice", "alice", "alice", "nobody", "nobody", "nobody", "nobody"]
    race(*(partial(attack, name) for name in names))
    written = [*Event.objects.values_list("kind", "user", "count")]
    assert sum(count for *_, count in written) == 1000
    assert sum(count for _, user, count in written if user == alice.pk) == 500
    assert len(written) <= 2 * (len({*seconds}) + 1)


@pytest.mark.slow
def test_simultaneous_batches_cannot_deadlock(alice: User, bob: User) -> None:
    """Guards the order of the keys: two statements could wait for each other's rows."""
    users = [alice.pk, bob.pk, *(None for _ in range(40))]

    def batch(order: Callable[[list[Event]], object]) -> None:
        for _ in range(40):
            rows = [
                Event(kind=EventKind.SIGN_IN_FAILED, user_id=user, about=str(number))
                for number, user in enumerate(users)
            ]
            order(rows)
            write(rows)

    race(*(partial(batch, order) for order in (list, list.reverse, list, list.reverse)))
    assert sum(event.count for event in Event.objects.all()) == 4 * 40 * len(users)


def test_many_ended_sessions_are_few_statements(alice: User) -> None:
    for number in range(30):
        open_session(alice, Device(label=f"device {number}"))
    forget()
    with CaptureQueriesContext(connection) as captured:
        DeviceSession.objects.all().revoke(Reason.ADMIN)
    inserts = [query["sql"] for query in captured if "INSERT" in query["sql"]]
    assert len(inserts) == 1
    assert kinds() == [EventKind.SESSION_ENDED] * 30


def test_a_batch_larger_than_a_slice_is_written(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "SLICE", 3)
    write(Event(kind=EventKind.ROLES_CHANGED, about=str(number)) for number in range(8))
    assert sorted(Event.objects.values_list("about", flat=True)) == list("01234567")


def test_different_events_have_different_keys(alice: User, clock: Clock) -> None:
    now = timezone.now()
    one = {"kind": "a", "reason": "b", "about": "c", "device": "d", "created_at": now}
    keys = {flood_key(Event(**one))}
    for name in ("kind", "reason", "about", "device"):
        keys.add(flood_key(Event(**{**one, name: "x"})))
    keys.add(flood_key(Event(**one, user_id=alice.pk)))
    keys.add(flood_key(Event(**one, actor_id=alice.pk)))
    keys.add(flood_key(Event(**one, ip_address="192.0.2.7")))
    keys.add(flood_key(Event(**one, device_mark=b"m")))
    assert len(keys) == 9
    assert {len(key) for key in keys} == {16}
