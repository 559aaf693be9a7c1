"""A session that is revoked during a refresh stays revoked."""

from functools import partial
from typing import Any

import pytest

from accounts.models import User
from tests.conftest import HASHED
from tests.support.racing import (
    race,
    refresh,
    refresh_until_refused,
    sign_in,
)
from tests.tokens.sessions.revocations import (
    Revocation,
    assert_refused,
    change_in_sql,
    every_change,
    every_revocation,
    few_and_many_rounds,
    person,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.mark.spec("ASVS 5.0", "7.4.1", "7.4.2", "7.4.3")
@pytest.mark.trap(2)
@few_and_many_rounds
@every_revocation
def test_a_revocation_during_refreshes_leaves_no_valid_token(
    revocation: Revocation, rounds: int, db: None
) -> None:
    """Guards `revoked_at IS NULL`, `is_active` and the tag: the UPDATE checks all of them."""
    for number in range(rounds):
        alice = person(f"alice-{number}")
        first = sign_in(alice)
        end = partial(revocation.end, alice, [first.refresh])
        answers: list[Any] = race(*[partial(refresh, first.refresh)] * 4, end)
        given = [answer for answer in answers[:-1] if answer.status == 200]
        assert {answer.status for answer in answers[:-1]} <= {200, 401}
        assert len({answer.refresh for answer in given}) <= 1
        revocation.assert_revoked((given or [first])[0])
        User.objects.all().delete()


@pytest.mark.trap(2)
@few_and_many_rounds
@every_revocation
def test_a_revocation_stops_constantly_refreshing_devices(
    revocation: Revocation, rounds: int, db: None
) -> None:
    """Guards the same at each point of a rotation."""
    for number in range(rounds):
        alice = person(f"alice-{number}")
        phone, laptop = sign_in(alice, "phone"), sign_in(alice, "laptop")
        last: list[Any] = race(
            partial(refresh_until_refused, phone),
            partial(refresh_until_refused, laptop),
            partial(revocation.end, alice, [phone.refresh, laptop.refresh]),
        )
        for answer in last[:2]:
            revocation.assert_revoked(answer)
        User.objects.all().delete()


@pytest.mark.trap(13, 20)
@every_change
def test_restoring_a_user_revives_no_session(revocation: Revocation, alice: User) -> None:
    """Guards standing.LASTING: one mismatch revokes the session for good."""
    before = {"is_active": True, "password": HASHED, "username": "alice"}
    first = sign_in(alice)
    end = partial(revocation.end, alice, [])
    last: list[Any] = race(partial(refresh_until_refused, first), end)
    change_in_sql(alice, **before)
    assert_refused(last[0], revocation.reason)
