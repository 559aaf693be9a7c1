"""A revocation waits for a lock: tokens issued during the wait are refused until they expire."""

import zlib
from collections.abc import Callable
from functools import partial
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone
from rest_framework_simplejwt.exceptions import InvalidToken

from accounts.models import User
from tests.conftest import Clock
from tests.support.racing import Outcome, queue, race, refresh, refresh_uncommitted, sign_in
from tokens.http.authentication import verify_cached
from tokens.http.errors import RolesChangedError
from tokens.models import DeviceSession, Reason
from tokens.revocation import snapshot, status_list
from tokens.revocation.blacklist import blacklist
from tokens.sessions import roles
from tokens.sessions.lifecycle import revoke_all_sessions, revoke_sessions, sign_out

pytestmark = pytest.mark.django_db(transaction=True)

waiting = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="SQLite has no simultaneous writers"
)

WAIT = 130  # seconds: more than a snapshot allows for
REVOCATIONS: dict[str, Callable[[User, Outcome], object]] = {
    "the command": lambda alice, first: call_command("revoke", "alice", stdout=StringIO()),
    "logout": lambda alice, first: sign_out(first.refresh),
    "logout everywhere": lambda alice, first: revoke_sessions([alice.pk], Reason.LOGOUT_ALL),
    "another password": lambda alice, first: User.objects.update(password="!"),
    "deactivation": lambda alice, first: User.objects.update(is_active=False),
    "deletion": lambda alice, first: User.objects.get(pk=alice.pk).delete(),
    "a leaked refresh token": lambda alice, first: blacklist(first.refresh, Reason.ADMIN),
}


def is_listed(session: DeviceSession) -> bool:
    """Return whether the session's bit in the status list is set."""
    return bool(zlib.decompress(status_list.load_bits(0))[session.pk // 8] >> session.pk % 8 & 1)


def issued_during(first: Outcome, clock: Clock, change: Callable[[], object]) -> Outcome:
    """Start the change, which waits for the row, and return what a refresh issues before it."""
    with queue() as line_up:
        DeviceSession.objects.select_for_update().get(sid=first.session)
        changing = line_up(change)
        clock.forward(seconds=WAIT)
        last = refresh_uncommitted(first.refresh)
    changing.result(timeout=30)
    return last


@waiting
@pytest.mark.trap(98)
@pytest.mark.parametrize("seconds", [0, 299, 309], ids=["at once", "its life", "and the leeway"])
@pytest.mark.parametrize("revoke", REVOCATIONS.values(), ids=REVOCATIONS)
def test_a_token_issued_while_a_revocation_waited_is_refused(
    alice: User, clock: Clock, *, revoke: Callable[[User, Outcome], object], seconds: int
) -> None:
    """Guards that `revoke` looks at the clock after it has locked the rows."""
    first = sign_in(alice)
    last = issued_during(first, clock, partial(revoke, alice, first))
    session = DeviceSession.objects.get()
    assert session.revoked_at == timezone.now()
    clock.forward(seconds=seconds)
    snapshot.revocations.invalidate()
    with pytest.raises(InvalidToken):
        verify_cached(last.access)
    assert is_listed(session)


@waiting
@pytest.mark.trap(98)
def test_sessions_revoked_together_have_the_same_time(alice: User, clock: Clock) -> None:
    """Guards that a row locked early waits, too, and is dated by the last one."""
    phone, laptop = sign_in(alice), sign_in(alice)
    last = issued_during(laptop, clock, partial(User.objects.update, password="!"))
    dates = DeviceSession.objects.values_list("revoked_at", flat=True)
    assert [*dates] == [timezone.now()] * 2
    assert refresh(phone.refresh).status == refresh(last.refresh).status == 401


@waiting
@pytest.mark.trap(98)
def test_a_delayed_revocation_of_all_fills_no_snapshot(alice: User, clock: Clock) -> None:
    """Guards that the new keys name the moment that the rows have."""
    first = sign_in(alice)
    last = issued_during(first, clock, lambda: sum(revoke_all_sessions(Reason.ADMIN)))
    assert snapshot.revocations.current().sessions == frozenset()
    with pytest.raises(InvalidToken):
        verify_cached(last.access)


@waiting
@pytest.mark.trap(98)
@pytest.mark.parametrize("seconds", [0, 299, 309], ids=["at once", "its life", "and the leeway"])
def test_roles_issued_during_a_delayed_change_are_refused(
    alice: User, clock: Clock, seconds: int
) -> None:
    """Guards that roles.bump_version looks at the clock after it has locked the rows."""
    first = sign_in(alice)
    change = partial(roles.bump_version, User.objects.filter(pk=alice.pk))
    last = issued_during(first, clock, change)
    clock.forward(seconds=seconds)
    snapshot.revocations.invalidate()
    with pytest.raises(RolesChangedError):
        verify_cached(last.access)


@waiting
@pytest.mark.trap(98)
def test_a_token_issued_before_a_revocation_is_committed_is_refused(
    alice: User, clock: Clock
) -> None:
    """Guards MAX_LOCK_WAIT: a retry is answered from the row as it is before the commit."""
    first = sign_in(alice)
    second = refresh(first.refresh, key="the client's own key")
    with transaction.atomic():
        sign_out(second.refresh)
        clock.forward(seconds=45)
        (again,) = race(partial(refresh, first.refresh, "the client's own key"))
    assert again.refresh == second.refresh
    clock.forward(seconds=309)
    snapshot.revocations.invalidate()
    with pytest.raises(InvalidToken):
        verify_cached(again.access)
