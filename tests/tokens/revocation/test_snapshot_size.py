"""Many revoked sessions have a bounded cost, and no revocation is missed."""

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from threading import Event
from time import monotonic
from typing import TypeAlias
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from accounts.models import User
from tests.conftest import API, Answer, Clock, row
from tests.support.example import read
from tests.support.racing import race
from tests.tokens.revocation.test_snapshot import Pair, revoke_elsewhere
from tokens.keys import cached_value
from tokens.keys.keyring import keyring
from tokens.models import BlacklistedToken, DeviceSession, Reason, SigningKey
from tokens.revocation import snapshot
from tokens.revocation.blacklist import blacklist
from tokens.sessions.lifecycle import revoke_all_sessions, sign_out

pytestmark = pytest.mark.django_db(transaction=True)

Flood: TypeAlias = Callable[[User], object]


@pytest.fixture(autouse=True)
def room_for_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "MAX_ENTRIES", 2)


def add_sessions(user: User, number: int) -> None:
    """Double the number of sessions of the user, who must be signed in."""
    session = DeviceSession.objects.filter(user=user, revoked_at=None).earliest("pk")
    for _ in range(number):
        session.pk, session.sid = None, uuid4()
        session.save(force_insert=True)


def revoke_new_sessions(user: User, number: int = 3) -> None:
    add_sessions(user, number)
    newest = DeviceSession.objects.order_by("-pk").values_list("pk", flat=True)[:number]
    assert len(DeviceSession.objects.filter(pk__in=list(newest)).revoke(Reason.LOGOUT)) == number


def change_roles(user: User) -> None:
    """Give bob a role, which changes the roles of his three sessions."""
    add_sessions(User.objects.get(username="bob"), 2)
    Group.objects.create(name="editors").user_set.add(User.objects.get(username="bob"))


def blacklist_tokens(user: User) -> None:
    for number in range(3):
        BlacklistedToken.objects.create(
            jti=str(number),
            token_type="access",
            reason=Reason.ADMIN,
            expires_at=timezone.now() + timedelta(minutes=5),
        )


FLOODS: dict[str, Flood] = {
    "sessions are revoked": revoke_new_sessions,
    "roles change": change_roles,
    "tokens are blacklisted": blacklist_tokens,
}


@pytest.mark.spec("ASVS 5.0", "7.4.1")
@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
def test_requests_read_their_row_if_the_snapshot_is_too_large(
    api: API,
    alice: User,
    bob: User,
    clock: Clock,
    django_assert_num_queries: DjangoAssertNumQueries,
    *,
    flood: Flood,
) -> None:
    active, ended, bobs = api.login(alice), api.login(alice), api.login(bob)
    revoke_elsewhere(ended)
    flood(alice)
    refused = api.login(alice)
    blacklist(refused["access"], Reason.ADMIN)
    snapshot.revocations.invalidate()
    held = snapshot.revocations.current()
    assert not any((held.complete, held.sessions, held.roles_versions, held.tokens))
    with django_assert_num_queries(4):
        answers = [read(api, pair) for pair in (active, ended, refused, bobs)]
    assert [answer.status_code for answer in answers[:3]] == [200, 401, 401]
    assert answers[3].status_code == (401 if flood is change_roles else 200)
    if flood is change_roles:
        assert answers[3].json()["code"] == "rights_changed"
    fresh = api.rotated(active["refresh"])
    clock.forward(seconds=381)
    snapshot.revocations.invalidate()
    assert snapshot.revocations.current().complete
    fresh = api.rotated(fresh["refresh"])
    with django_assert_num_queries(0):
        assert read(api, fresh).status_code == 200


def test_a_snapshot_lists_up_to_its_limit(
    api: API, alice: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    pairs = [api.login(alice) for _ in range(3)]
    for pair in pairs[:2]:
        api.post("logout/", {"refresh": pair["refresh"]})
    assert snapshot.revocations.current().sessions == {row(pair).sid.int for pair in pairs[:2]}
    with django_assert_num_queries(0):
        assert [read(api, pair).status_code for pair in pairs] == [401, 401, 200]


def test_a_snapshot_reads_no_more_rows_than_its_limit(api: API, alice: User) -> None:
    api.login(alice)
    revoke_new_sessions(alice)
    keyring.current()
    with CaptureQueriesContext(connection) as captured:
        snapshot.load()
    assert len(captured) == 3
    assert all("LIMIT 3" in query["sql"] for query in captured)


def test_signing_in_and_out_never_replaces_the_signing_keys(
    api: API, alice: User, clock: Clock
) -> None:
    before = [key.pk for key in SigningKey.objects.all()]
    for _ in range(5):
        pair = api.login(alice)
        before = before or [SigningKey.objects.get().pk]
        api.post("logout/", {"refresh": pair["refresh"]})
        assert read(api, pair).status_code == 401
    assert not snapshot.revocations.current().complete
    assert [key.pk for key in SigningKey.objects.all()] == before


def test_a_revocation_beyond_the_limit_replaces_the_keys(api: API, alice: User, bob: User) -> None:
    pairs = [api.login(alice), api.login(bob), api.login(bob)]
    assert sum(revoke_all_sessions(Reason.ADMIN)) == 3
    assert not snapshot.revocations.current().complete
    assert [read(api, pair).status_code for pair in pairs] == [401, 401, 401]
    assert read(api, api.login(alice)).status_code == 200


def test_a_snapshot_that_is_too_large_is_logged_once_a_minute(
    api: API, alice: User, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [monotonic()]
    monkeypatch.setattr(cached_value, "monotonic", lambda: now[0])
    monkeypatch.setattr(snapshot, "monotonic", lambda: now[0])
    snapshot.warn_of_size.cache_clear()
    api.login(alice)
    revoke_new_sessions(alice)
    caplog.set_level(logging.WARNING)
    for lines in (1, 2):
        for _ in range(3):
            snapshot.load()
        assert caplog.text.count("snapshot_too_large") == lines
        now[0] += 60


# No revocation is missed


@contextmanager
def end_uncommitted(pair: Pair) -> Iterator[None]:
    """Revoke the session as another process does, and commit at the end of the block."""
    written, commit = Event(), Event()

    def end() -> None:
        try:
            with transaction.atomic():
                revoke_elsewhere(pair)
                written.set()
                assert commit.wait(timeout=30)
        finally:
            connection.close()

    with ThreadPoolExecutor() as pool:
        ending = pool.submit(end)
        try:
            assert written.wait(timeout=30)
            yield
        finally:
            commit.set()
        ending.result(timeout=30)


def read_anew(api: API, pair: Pair) -> Answer:
    snapshot.revocations.invalidate()
    return read(api, pair)


@pytest.mark.parametrize("seconds", [0, 59])
def test_a_revocation_that_is_committed_late_is_known(
    api: API, alice: User, clock: Clock, seconds: int
) -> None:
    """Guards that the snapshot is read as a whole: a cursor would miss a row committed late."""
    pair = api.login(alice)
    with end_uncommitted(pair):
        for _ in range(3):
            assert read_anew(api, pair).status_code == 200
            clock.forward(seconds=seconds / 3)
    assert read_anew(api, pair).status_code == 401


@pytest.mark.parametrize("seconds", [-1, -30, -3600])
def test_a_revocation_is_known_after_a_clock_change(
    api: API, alice: User, clock: Clock, seconds: int
) -> None:
    before, after = api.login(alice), api.login(alice)
    revoke_elsewhere(before)
    assert read_anew(api, before).status_code == 401
    clock.forward(seconds=seconds)
    later = api.login(alice)
    revoke_elsewhere(later)
    snapshot.revocations.invalidate()
    keys = {row(before).sid.int, row(later).sid.int}
    assert snapshot.revocations.current().sessions == keys
    assert row(after).sid.int not in keys


def test_an_idle_process_knows_all_revocations(
    api: API, alice: User, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [monotonic()]
    monkeypatch.setattr(cached_value, "monotonic", lambda: now[0])
    monkeypatch.setattr(snapshot, "monotonic", lambda: now[0])
    first = api.login(alice)
    assert read(api, first).status_code == 200
    now[0] += 3600
    clock.forward(seconds=3600)
    pairs = [api.rotated(first["refresh"]), api.login(alice), api.login(alice)]
    snapshot.revocations.current()
    now[0] += 240
    clock.forward(seconds=200)
    revoke_elsewhere(pairs[0])
    clock.forward(seconds=40)
    blacklist(pairs[1]["access"], Reason.ADMIN)
    assert [read(api, pair).status_code for pair in pairs] == [401, 401, 200]


@pytest.mark.parametrize("room", [2, 100], ids=["too large", "complete"])
def test_reading_threads_know_each_revocation(
    api: API, alice: User, settings: Settings, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    monkeypatch.setattr(snapshot, "MAX_ENTRIES", room)
    settings.TOKENS = {**settings.TOKENS, "SNAPSHOT_INTERVAL": timedelta(0)}
    active, pairs = api.login(alice), [api.login(alice) for _ in range(6)]

    def end_and_read(pair: Pair) -> Callable[[], tuple[int, int, int]]:
        def run() -> tuple[int, int, int]:
            own = API(Client())
            before = read(own, pair).status_code
            sign_out(pair["refresh"])
            return before, read(own, pair).status_code, read(own, active).status_code

        return run

    assert race(*map(end_and_read, pairs)) == [(200, 401, 200)] * 6
