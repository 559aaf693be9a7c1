"""Simultaneous callers: one write wins, and what is ended while somebody refreshes stays ended."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import permutations
from threading import Event
from typing import Any

import pytest
from django.conf import LazySettings
from django.contrib.auth import authenticate
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.db import connection
from django.db.models import QuerySet
from django.test import Client

from accounts.models import User
from tests.conftest import API, HASHED, PASSWORD, Listen
from tests.support.racing import (
    Outcome,
    outcome,
    queue,
    race,
    refresh,
    refresh_uncommitted,
    refresh_until_refused,
    retry_key,
    sign_in,
)
from tokens import signals
from tokens.management.inspection import is_accepted
from tokens.models import DeviceSession, Reason
from tokens.sessions import roles
from tokens.sessions.lifecycle import Device, open_session, revoke_sessions, sign_out

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

postgresql = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="only PostgreSQL lets callers wait for one row"
)
few_and_many_rounds = pytest.mark.parametrize(
    "rounds", [pytest.param(2, id="few"), pytest.param(30, id="many", marks=pytest.mark.soak)]
)
keyed_or_not = pytest.mark.parametrize("key", [None, retry_key(1)], ids=["no key", "one key"])

OLD_HASH = PBKDF2PasswordHasher().encode(PASSWORD, "salt", iterations=1000)
OTHER_HASH = "!another password"


def person(name: str, password: str = HASHED) -> User:
    return User.objects.create(username=name, password=password)


def session_of(answer: Outcome) -> DeviceSession:
    return DeviceSession.objects.get(sid=answer.session)


def behind_our_back(user: User, **values: Any) -> None:
    """Change the user as raw SQL does: nothing of ours runs."""
    QuerySet(User).filter(pk=user.pk).update(**values)


def save_with(user: User, **values: Any) -> None:
    user = User.objects.get(pk=user.pk)
    for name, value in values.items():
        setattr(user, name, value)
    user.save()


def update_with(user: User, **values: Any) -> None:
    User.objects.filter(pk=user.pk).update(**values)


def sign_out_all(tokens: list[str]) -> None:
    for raw in tokens:
        sign_out(raw)


@dataclass(frozen=True)
class Ending:
    """Something that ends sessions, and what their rows say: at once, or when a token comes."""

    end: Callable[[User, list[str]], object]
    reason: Reason
    at_once: bool = True

    def assert_ended(self, answer: Outcome) -> None:
        if self.at_once:
            assert session_of(answer).revoked_reason == self.reason
        assert_dead(answer, self.reason)


def changed(how: Callable[..., None], reason: Reason, **values: Any) -> Ending:
    return Ending(lambda user, _: how(user, **values), reason, at_once=how is not behind_our_back)


BY_RAW_SQL = {
    "deactivation by raw SQL": changed(behind_our_back, Reason.DEACTIVATED, is_active=False),
    "password by raw SQL": changed(
        behind_our_back, Reason.CREDENTIALS_CHANGED, password=OTHER_HASH
    ),
    "user name by raw SQL": changed(behind_our_back, Reason.CREDENTIALS_CHANGED, username="alicia"),
}
CHANGES = {
    "deletion": Ending(lambda user, _: User.objects.get(pk=user.pk).delete(), Reason.DELETED),
    "deletion by queryset": Ending(
        lambda user, _: User.objects.filter(pk=user.pk).delete(), Reason.DELETED
    ),
    "deactivation": changed(save_with, Reason.DEACTIVATED, is_active=False),
    "deactivation by queryset": changed(update_with, Reason.DEACTIVATED, is_active=False),
    "password": changed(save_with, Reason.CREDENTIALS_CHANGED, password=OTHER_HASH),
    "password by queryset": changed(update_with, Reason.CREDENTIALS_CHANGED, password=OTHER_HASH),
    "user name": changed(save_with, Reason.CREDENTIALS_CHANGED, username="alicia"),
    "user name by queryset": changed(update_with, Reason.CREDENTIALS_CHANGED, username="alicia"),
}
SIGN_OUTS = {
    "logout": Ending(lambda _, tokens: sign_out_all(tokens), Reason.LOGOUT),
    "logout everywhere": Ending(
        lambda user, _: revoke_sessions([user.pk], Reason.LOGOUT_ALL), Reason.LOGOUT_ALL
    ),
    "an administrator": Ending(
        lambda user, _: DeviceSession.objects.filter(user=user).revoke(Reason.ADMIN), Reason.ADMIN
    ),
}


def endings(*named: dict[str, Ending]) -> pytest.MarkDecorator:
    params = [pytest.param(value, id=name) for group in named for name, value in group.items()]
    return pytest.mark.parametrize("ending", params)


every_ending = endings(SIGN_OUTS, CHANGES, BY_RAW_SQL)
every_change = endings(CHANGES, BY_RAW_SQL)


def assert_dead(answer: Outcome, reason: Reason) -> None:
    """Check that neither token of the pair opens anything, and that the row says why."""
    assert refresh(answer.refresh).status == 401
    assert not is_accepted(answer.access)
    assert session_of(answer).revoked_reason == reason


# One token, many callers


@pytest.mark.spec("ASVS 5.0", "2.3.4")
@pytest.mark.trap(1, 64)
@keyed_or_not
def test_of_twelve_callers_one_writes_and_all_get_the_same_bytes(
    key: str | None, alice: User, heard: Listen
) -> None:
    """Guards `generation = …` in the outermost WHERE of statements.advance."""
    sent_again = heard(signals.refresh_token_sent_again)
    first = sign_in(alice)
    answers = race(*[partial(refresh, first.refresh, key)] * 12)
    assert {answer.status for answer in answers} == {200}
    assert len({answer.refresh for answer in answers}) == 1
    assert session_of(first).generation == 2
    assert len(sent_again) == 11
    assert refresh(answers[0].refresh).generation == 3


@pytest.mark.trap(1)
def test_twelve_requests_are_answered_with_one_successor(alice: User) -> None:
    """Guards the same line, seen from outside."""
    first = sign_in(alice)
    answers = race(*[lambda: API(Client()).refresh(first.refresh)] * 12)
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["refresh"] for answer in answers}) == 1
    assert session_of(first).generation == 2


@pytest.mark.trap(1, 54)
def test_of_twelve_callers_with_keys_of_their_own_one_is_given_something(alice: User) -> None:
    """Guards `retry_hash`, written by the same statement that moves the generation."""
    first = sign_in(alice)
    answers = race(*[partial(refresh, first.refresh, retry_key(n)) for n in range(12)])
    assert sorted(answer.status for answer in answers) == [200] + [409] * 11
    assert session_of(first).generation == 2
    assert session_of(first).revoked_at is None


@pytest.mark.trap(4, 5)
def test_tabs_that_go_on_refreshing_together_stay_on_one_line(alice: User) -> None:
    """Guards the derivation in claims.successor_jti: a loser's nonce and jti come from the row."""
    token = sign_in(alice).refresh
    for generation in range(2, 12):
        answers = race(*[partial(refresh, token, retry_key(generation))] * 4)
        assert {answer.generation for answer in answers} == {generation}
        (token,) = {answer.refresh for answer in answers}


@pytest.mark.spec("RFC 9700", "4.14.2")
@pytest.mark.trap(11)
def test_a_token_reused_by_many_at_once_ends_its_session_once(alice: User, heard: Listen) -> None:
    """Guards the row count of `revoke(Reason.REUSE)`, which decides who reports."""
    first = sign_in(alice)
    third = refresh(refresh(first.refresh).refresh)
    reused, ended = heard(signals.refresh_token_reused), heard(signals.session_ended)
    answers = race(*[partial(refresh, first.refresh)] * 12)
    assert {answer.status for answer in answers} == {401}
    assert len(reused) == len(ended) == 1
    assert reused[0]["generation"] == 1
    assert_dead(third, Reason.REUSE)


@few_and_many_rounds
def test_reuse_ends_a_session_that_is_being_refreshed(rounds: int, db: None, heard: Listen) -> None:
    """Guards `revoked_at IS NULL` in statements.advance."""
    reused = heard(signals.refresh_token_reused)
    for number in range(rounds):
        first = sign_in(person(f"alice-{number}"))
        third = refresh(refresh(first.refresh).refresh)
        last, *_ = race(
            partial(refresh_until_refused, third), *[partial(refresh, first.refresh)] * 3
        )
        assert_dead(last, Reason.REUSE)
        assert len(reused) == number + 1


# An ending while tokens are refreshed


@pytest.mark.spec("ASVS 5.0", "7.4.1", "7.4.2", "7.4.3")
@pytest.mark.trap(2)
@few_and_many_rounds
@every_ending
def test_an_ending_that_races_refreshes_of_one_token_leaves_nothing_alive(
    ending: Ending, rounds: int, db: None
) -> None:
    """Guards `revoked_at IS NULL`, `is_active` and the tag: the step that writes asks them all."""
    for number in range(rounds):
        alice = person(f"alice-{number}")
        first = sign_in(alice)
        end = partial(ending.end, alice, [first.refresh])
        answers: list[Any] = race(*[partial(refresh, first.refresh)] * 4, end)
        given = [answer for answer in answers[:-1] if answer.status == 200]
        assert {answer.status for answer in answers[:-1]} <= {200, 401}
        assert len({answer.refresh for answer in given}) <= 1
        ending.assert_ended((given or [first])[0])
        User.objects.all().delete()


@pytest.mark.trap(2)
@few_and_many_rounds
@every_ending
def test_an_ending_stops_devices_that_refresh_without_pause(
    ending: Ending, rounds: int, db: None
) -> None:
    """Guards the same, wherever in a rotation the ending strikes."""
    for number in range(rounds):
        alice = person(f"alice-{number}")
        phone, laptop = sign_in(alice, "phone"), sign_in(alice, "laptop")
        last: list[Any] = race(
            partial(refresh_until_refused, phone),
            partial(refresh_until_refused, laptop),
            partial(ending.end, alice, [phone.refresh, laptop.refresh]),
        )
        for answer in last[:2]:
            ending.assert_ended(answer)
        User.objects.all().delete()


@pytest.mark.trap(13, 20)
@every_change
def test_a_user_who_is_as_before_finds_no_session_revived(ending: Ending, alice: User) -> None:
    """Guards the revocation in rotation.admit: what was seen to differ once is ended for good."""
    before = {"is_active": True, "password": HASHED, "username": "alice"}
    first = sign_in(alice)
    end = partial(ending.end, alice, [])
    last: list[Any] = race(partial(refresh_until_refused, first), end)
    behind_our_back(alice, **before)
    assert_dead(last[0], ending.reason)


# Signing in


@pytest.mark.trap(3)
@few_and_many_rounds
@every_change
def test_a_sign_in_that_races_a_change_leaves_no_living_session(
    ending: Ending, rounds: int, db: None
) -> None:
    """Guards the compare-and-swap on the user's row in sessions.open_session."""
    for number in range(rounds):
        alice = person(f"alice-{number}")

        def login(name: str = alice.username) -> Outcome | None:
            user = authenticate(username=name, password=PASSWORD)
            pair = open_session(user, Device()) if isinstance(user, User) else None
            return None if pair is None else outcome(pair)

        answers: list[Any] = race(login, login, partial(ending.end, alice, []))
        assert not (ending.at_once and DeviceSession.objects.active().exists())
        for answer in filter(None, answers[:2]):
            ending.assert_ended(answer)
        User.objects.all().delete()


@pytest.mark.trap(3)
@every_change
def test_a_password_verified_before_a_change_opens_nothing(ending: Ending, alice: User) -> None:
    """Guards the compare-and-swap on the user's row in sessions.open_session."""
    verified = authenticate(username="alice", password=PASSWORD)
    assert isinstance(verified, User)
    ending.end(alice, [])
    assert open_session(verified, Device()) is None
    assert not DeviceSession.objects.exists()


@pytest.mark.spec("ASVS 5.0", "2.3.4", "7.1.2")
@pytest.mark.trap(23, 56)
@few_and_many_rounds
def test_simultaneous_sign_ins_never_make_more_sessions_than_allowed(
    rounds: int, alice: User, settings: LazySettings
) -> None:
    """Guards the order in sessions.open_session: the user's row is written before any counting."""
    settings.TOKENS = {**settings.TOKENS, "SESSIONS_PER_USER": 3}

    def living() -> int:
        return DeviceSession.objects.filter(user=alice).active().count()

    def login() -> int:
        sign_in(alice)
        return living()

    for _ in range(rounds):
        assert max(race(*[login] * 8)) <= 3
        assert living() == 3


# A password's hash is stored anew while devices refresh


@pytest.mark.trap(14, 52)
@few_and_many_rounds
def test_a_hash_upgrade_signs_out_no_device_that_refreshes(rounds: int, db: None) -> None:
    """Guards the fresh read in rotation.spend and the re-binding in accounts.User._upgrade_hash."""
    for number in range(rounds):
        alice = person(f"alice-{number}", OLD_HASH)
        phone, laptop = sign_in(alice, "phone"), sign_in(alice, "laptop")
        done = Event()

        def device(first: Outcome, done: Event = done) -> Outcome:
            last = first
            while last.status == 200 and not done.is_set():
                last = refresh(last.refresh)
            return last

        def login(alice: User = alice, done: Event = done) -> Outcome:
            try:
                pair = API(Client()).login(alice, "tablet")
            finally:
                done.set()
            return Outcome(200, pair["refresh"], session=pair["session"])

        for answer in race(partial(device, phone), partial(device, laptop), login):
            assert answer.status == 200
            assert refresh(answer.refresh).status == 200
            assert session_of(answer).revoked_at is None
        alice.refresh_from_db()
        assert alice.password.startswith("argon2")


@few_and_many_rounds
def test_simultaneous_sign_ins_with_an_outdated_hash_all_succeed(rounds: int, db: None) -> None:
    """Guards the second look in accounts.User._upgrade_hash after a lost compare-and-swap."""
    for number in range(rounds):
        alice = person(f"alice-{number}", OLD_HASH)
        pairs = race(*[partial(API(Client()).login, alice) for _ in range(4)])
        for pair in pairs:
            assert refresh(pair["refresh"]).status == 200


@pytest.mark.trap(14)
@few_and_many_rounds
def test_a_hash_upgrade_never_undoes_a_password_change(rounds: int, db: None) -> None:
    """Guards `password=old` in accounts.UserQuerySet.swap_password_hash."""
    for number in range(rounds):
        alice = person(f"alice-{number}", OLD_HASH)
        first = sign_in(alice)
        race(
            partial(authenticate, username=alice.username, password=PASSWORD),
            partial(save_with, alice, password=OTHER_HASH),
        )
        alice.refresh_from_db()
        assert alice.password == OTHER_HASH
        assert_dead(first, Reason.CREDENTIALS_CHANGED)


# Interleavings that are built, not met by luck


@pytest.mark.trap(1, 51, 64)
@postgresql
@keyed_or_not
def test_a_refresh_behind_another_gets_the_same_bytes(key: str | None, alice: User) -> None:
    """Guards the generation in the outermost WHERE: only there is it looked at again."""
    first = sign_in(alice)
    with queue() as line_up:
        winner = refresh_uncommitted(first.refresh, key)
        losers = [line_up(partial(refresh, first.refresh, key)) for _ in range(3)]
    assert {loser.result().refresh for loser in losers} == {winner.refresh}
    assert session_of(first).generation == 2


@pytest.mark.trap(2, 51)
@postgresql
@endings(SIGN_OUTS, CHANGES)
def test_a_refresh_behind_an_ending_is_refused(ending: Ending, alice: User) -> None:
    """Guards `revoked_at IS NULL` in the outermost WHERE of statements.advance."""
    first = sign_in(alice)
    with queue() as line_up:
        ending.end(alice, [first.refresh])
        late = line_up(partial(refresh, first.refresh))
    assert late.result().status == 401
    assert session_of(first).generation == 1
    ending.assert_ended(first)


@pytest.mark.trap(2, 51)
@postgresql
@endings(SIGN_OUTS, CHANGES)
def test_an_ending_behind_a_refresh_ends_what_was_given(ending: Ending, alice: User) -> None:
    """Guards the lock in DeviceSession.objects.revoke: it waits, and does not pass by."""
    first = sign_in(alice)
    with queue() as line_up:
        second = refresh_uncommitted(first.refresh)
        late = line_up(partial(ending.end, alice, [first.refresh]))
    late.result()
    ending.assert_ended(second)


@pytest.mark.trap(14, 51, 52)
@postgresql
def test_a_refresh_behind_a_hash_upgrade_succeeds(alice: User) -> None:
    """Guards the fresh read in rotation.spend: it waited, and saw the new tag, the old password."""
    behind_our_back(alice, password=OLD_HASH)
    alice.refresh_from_db()
    first = sign_in(alice)
    with queue() as line_up:
        assert alice.check_password(PASSWORD)
        late = line_up(partial(refresh, first.refresh))
    assert late.result().status == 200
    assert session_of(first).revoked_at is None
    assert refresh(late.result().refresh).generation == 3


@postgresql
def test_a_refresh_overtaken_while_it_looks_again_gets_the_same_bytes(alice: User) -> None:
    """Guards the row from which rotation.spend mints: the one it wrote, not one it read later."""
    behind_our_back(alice, password=OLD_HASH)
    alice.refresh_from_db()
    first = sign_in(alice)
    overtaken = Event()

    def look_again_late(execute: Any, sql: str, *args: Any) -> Any:
        if sql.startswith("SELECT"):
            assert overtaken.wait(timeout=10)
        return execute(sql, *args)

    def winner() -> Outcome:
        with connection.execute_wrapper(look_again_late):
            return refresh(first.refresh)

    def other_tab() -> Outcome:
        second = refresh(first.refresh)
        assert refresh(second.refresh).generation == 3
        overtaken.set()
        return second

    with queue() as line_up:
        assert alice.check_password(PASSWORD)
        answers = [line_up(winner), line_up(other_tab)]
    won, given_again = (answer.result() for answer in answers)
    assert won.refresh == given_again.refresh


@pytest.mark.trap(3, 51)
@postgresql
@every_change
def test_a_sign_in_behind_a_change_opens_nothing(ending: Ending, alice: User) -> None:
    """Guards the conditions on the user's row in sessions.open_session."""
    verified = User.objects.get(pk=alice.pk)
    with queue() as line_up:
        ending.end(alice, [])
        late = line_up(partial(open_session, verified, Device()))
    assert late.result() is None
    assert not DeviceSession.objects.exists()


@pytest.mark.trap(3, 51)
@postgresql
@every_change
def test_a_change_behind_a_sign_in_ends_the_new_session(ending: Ending, alice: User) -> None:
    """Guards the write to the user's row in sessions.open_session: it makes the change wait."""
    with queue() as line_up:
        first = sign_in(alice)
        late = line_up(partial(ending.end, alice, []))
    late.result()
    ending.assert_ended(first)


#: What locks every session of a user.
LOCKING: dict[str, Callable[[User], object]] = {
    "a hash upgrade": lambda user: user.check_password(PASSWORD),
    "a logout everywhere": lambda user: revoke_sessions([user.pk], Reason.LOGOUT_ALL),
    "a change of roles": lambda user: roles.bump_version(User.objects.filter(pk=user.pk)),
}
ORDERS = [*permutations(LOCKING, 2)]


@postgresql
@pytest.mark.parametrize(("first", "second"), ORDERS, ids=map(" before ".join, ORDERS))
def test_no_two_who_lock_all_sessions_of_a_user_wait_for_each_other(
    alice: User, bob: User, *, first: str, second: str
) -> None:
    """Guards the order in which `rebind`, `revoke` and rights.move lock rows: by id, and first."""
    behind_our_back(alice, password=OLD_HASH)
    alice.refresh_from_db()
    sign_in(bob)
    phone = sign_in(alice, "phone")
    with connection.cursor() as cursor:  # The laptop's row gets bob's place, before the phone's.
        cursor.execute("DELETE FROM tokens_devicesession WHERE user_id = %s", [bob.pk])
        cursor.execute("VACUUM tokens_devicesession")
    sign_in(alice, "laptop")
    with queue() as line_up:
        DeviceSession.objects.select_for_update().get(sid=phone.session)
        callers = [line_up(partial(LOCKING[name], alice)) for name in (first, second)]
    for caller in callers:
        caller.result()
