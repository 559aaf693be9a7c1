"""A thief and an owner use tokens of one session: the session is revoked."""

from dataclasses import dataclass

import pytest

from accounts.models import User
from tests.conftest import Clock
from tests.support.racing import refresh, retry_key, sign_in
from tests.tokens.sessions.household import THIEFS_KEY
from tokens.models import DeviceSession, Reason

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@dataclass(frozen=True)
class Thief:
    """A thief uses the tokens of an owner whose rotations the thief can predict."""

    delay: int  # seconds between the two, less than the grace period
    leads: bool
    key: str | None


def periods_together(thief: Thief, alice: User, clock: Clock, *, owner_has_keys: bool) -> int:
    """Return in how many of twenty refreshes both owner and thief received a token."""
    token = sign_in(alice)
    for period in range(20):
        owner = (token.refresh, retry_key(period) if owner_has_keys else None)
        callers = [owner, (token.refresh, thief.key)]
        if thief.leads:
            callers.reverse()
        first = refresh(*callers[0])
        clock.forward(seconds=thief.delay)
        second = refresh(*callers[1])
        clock.forward(minutes=4)
        if (first.status, second.status) != (200, 200):
            return period
        assert first.refresh == second.refresh
        token = first
    return 20


@pytest.mark.parametrize("delay", [0, 1, 29])
@pytest.mark.parametrize(
    ("leads", "key"),
    [
        pytest.param(False, None, id="thief second, without key"),
        pytest.param(False, THIEFS_KEY, id="thief second, with another key"),
        pytest.param(True, THIEFS_KEY, id="thief first, with another key"),
        pytest.param(True, None, id="thief first, without key"),
    ],
)
def test_a_thief_gets_no_token_if_the_owner_sends_keys(
    delay: int, leads: bool, key: str | None, alice: User, clock: Clock
) -> None:
    """Guards `retry_hash`: a thief who predicts every rotation still gets no successor."""
    thief = Thief(delay, leads, key)
    assert periods_together(thief, alice, clock, owner_has_keys=True) == 0


@pytest.mark.parametrize("leads", [True, False], ids=["thief first", "owner first"])
@pytest.mark.parametrize("delay", [30, 31, 3600])
@pytest.mark.parametrize("owner_has_keys", [True, False], ids=["keys", "no keys"])
def test_owner_and_thief_who_take_turns_revoke_the_session(
    leads: bool, delay: int, owner_has_keys: bool, alice: User, clock: Clock
) -> None:
    """Guards GRACE_PERIOD: after it the second caller with a token revokes the session."""
    thief = Thief(delay, leads, key=None)
    assert periods_together(thief, alice, clock, owner_has_keys=owner_has_keys) == 0
    assert DeviceSession.objects.get().revoked_reason == Reason.REUSE


@pytest.mark.parametrize("leads", [True, False], ids=["thief first", "owner first"])
def test_a_thief_who_refreshed_alone_is_detected(leads: bool, alice: User, clock: Clock) -> None:
    """Guards the distance in rotation.handle_spent_token: no grace period covers a grandparent."""
    first = sign_in(alice)
    second = refresh(first.refresh)
    assert refresh(first.refresh).refresh == second.refresh
    ahead, behind = refresh(second.refresh), second
    if leads:
        refresh(ahead.refresh)
    else:
        clock.forward(seconds=30)
    assert refresh(behind.refresh).status == 401
    assert DeviceSession.objects.get().revoked_reason == Reason.REUSE
    assert refresh(ahead.refresh).status == 401
