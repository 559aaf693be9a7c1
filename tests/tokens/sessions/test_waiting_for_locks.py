"""A statement waits for the lock of another, in the same order in every run."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import permutations
from threading import Event
from typing import Any

import pytest
from django.db import connection

from accounts.models import User
from tests.conftest import PASSWORD
from tests.support.racing import (
    Outcome,
    queue,
    refresh,
    refresh_uncommitted,
    sign_in,
)
from tests.tokens.sessions.revocations import (
    CHANGES,
    OLD_HASH,
    SIGN_OUTS,
    Revocation,
    change_in_sql,
    every_change,
    keyed_or_not,
    postgresql,
    revocations,
    session_of,
)
from tokens.models import DeviceSession, Reason
from tokens.sessions import roles
from tokens.sessions.lifecycle import Device, open_session, revoke_sessions

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.mark.trap(1, 51, 64)
@postgresql
@keyed_or_not
def test_a_refresh_that_waits_for_another_gets_its_token(key: str | None, alice: User) -> None:
    """Guards the generation in the outermost WHERE: PostgreSQL checks it again only there."""
    first = sign_in(alice)
    with queue() as line_up:
        winner = refresh_uncommitted(first.refresh, key)
        losers = [line_up(partial(refresh, first.refresh, key)) for _ in range(3)]
    assert {loser.result().refresh for loser in losers} == {winner.refresh}
    assert session_of(first).generation == 2


@pytest.mark.trap(2, 51)
@postgresql
@revocations(SIGN_OUTS, CHANGES)
def test_a_refresh_that_waits_for_a_revocation_is_refused(
    revocation: Revocation, alice: User
) -> None:
    """Guards `revoked_at IS NULL` in the outermost WHERE of statements.advance."""
    first = sign_in(alice)
    with queue() as line_up:
        revocation.end(alice, [first.refresh])
        late = line_up(partial(refresh, first.refresh))
    assert late.result().status == 401
    assert session_of(first).generation == 1
    revocation.assert_revoked(first)


@pytest.mark.trap(2, 51)
@postgresql
@revocations(SIGN_OUTS, CHANGES)
def test_a_revocation_that_waits_for_a_refresh_is_complete(
    revocation: Revocation, alice: User
) -> None:
    """Guards the lock in DeviceSession.objects.revoke: it waits and does not skip the row."""
    first = sign_in(alice)
    with queue() as line_up:
        second = refresh_uncommitted(first.refresh)
        late = line_up(partial(revocation.end, alice, [first.refresh]))
    late.result()
    revocation.assert_revoked(second)


@pytest.mark.trap(14, 51, 52)
@postgresql
def test_a_refresh_that_waits_for_a_hash_upgrade_succeeds(alice: User) -> None:
    """Guards the fresh read in rotation.consume: it saw the new tag and the old password."""
    change_in_sql(alice, password=OLD_HASH)
    alice.refresh_from_db()
    first = sign_in(alice)
    with queue() as line_up:
        assert alice.check_password(PASSWORD)
        late = line_up(partial(refresh, first.refresh))
    assert late.result().status == 200
    assert session_of(first).revoked_at is None
    assert refresh(late.result().refresh).generation == 3


@postgresql
def test_an_overtaken_refresh_gets_the_same_token(alice: User) -> None:
    """Guards that rotation.consume issues tokens from the row it wrote, not from a later read."""
    change_in_sql(alice, password=OLD_HASH)
    alice.refresh_from_db()
    first = sign_in(alice)
    advanced, overtaken = Event(), Event()

    def look_again_late(execute: Any, sql: str, *args: Any) -> Any:
        if sql.startswith("SELECT"):
            advanced.set()
            assert overtaken.wait(timeout=10)
        return execute(sql, *args)

    def winner() -> Outcome:
        with connection.execute_wrapper(look_again_late):
            return refresh(first.refresh)

    def other_tab() -> Outcome:
        try:
            assert advanced.wait(timeout=10)  # No lock orders the two.
            second = refresh(first.refresh)
            assert refresh(second.refresh).generation == 3
            return second
        finally:
            overtaken.set()
            connection.close()

    with ThreadPoolExecutor() as pool, queue() as line_up:
        assert alice.check_password(PASSWORD)
        answers = [line_up(winner), pool.submit(other_tab)]
    won, given_again = (answer.result() for answer in answers)
    assert won.refresh == given_again.refresh


@pytest.mark.trap(3, 51)
@postgresql
@every_change
def test_a_sign_in_that_waits_for_a_change_opens_no_session(
    revocation: Revocation, alice: User
) -> None:
    """Guards the conditions on the user's row in lifecycle.open_session."""
    verified = User.objects.get(pk=alice.pk)
    with queue() as line_up:
        revocation.end(alice, [])
        late = line_up(partial(open_session, verified, Device()))
    assert late.result() is None
    assert not DeviceSession.objects.exists()


@pytest.mark.trap(3, 51)
@postgresql
@every_change
def test_a_change_that_waits_for_a_sign_in_revokes_it(revocation: Revocation, alice: User) -> None:
    """Guards the write to the user's row in lifecycle.open_session: it blocks the change."""
    with queue() as line_up:
        first = sign_in(alice)
        late = line_up(partial(revocation.end, alice, []))
    late.result()
    revocation.assert_revoked(first)


#: The functions that lock every session of a user.
LOCKING: dict[str, Callable[[User], object]] = {
    "a hash upgrade": lambda user: user.check_password(PASSWORD),
    "a logout everywhere": lambda user: revoke_sessions([user.pk], Reason.LOGOUT_ALL),
    "a change of roles": lambda user: roles.bump_version(User.objects.filter(pk=user.pk)),
}
ORDERS = [*permutations(LOCKING, 2)]


@postgresql
@pytest.mark.parametrize(("first", "second"), ORDERS, ids=map(" before ".join, ORDERS))
def test_locking_all_sessions_of_a_user_never_deadlocks(
    alice: User, bob: User, *, first: str, second: str
) -> None:
    """Guards the order in which `rebind`, `revoke` and `bump_version` lock rows: by id, first."""
    change_in_sql(alice, password=OLD_HASH)
    alice.refresh_from_db()
    sign_in(bob)
    phone = sign_in(alice, "phone")
    with (
        connection.cursor() as cursor
    ):  # The laptop's row takes the id of bob's, which is below the phone's.
        cursor.execute("DELETE FROM tokens_devicesession WHERE user_id = %s", [bob.pk])
        cursor.execute("VACUUM tokens_devicesession")
    sign_in(alice, "laptop")
    with queue() as line_up:
        DeviceSession.objects.select_for_update().get(sid=phone.session)
        callers = [line_up(partial(LOCKING[name], alice)) for name in (first, second)]
    for caller in callers:
        caller.result()
