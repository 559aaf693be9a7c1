"""A client that sends an Idempotency-Key gets the same successor again for a day."""

import pytest

from accounts.models import User
from tests.conftest import API, Clock, row
from tests.tokens.sessions.revocations import is_revoked
from tokens.models import DeviceSession

pytestmark = pytest.mark.django_db(transaction=True)

KEY = "a secret of the phone, 1"
OTHER_KEY = "a secret of a thief, 22"


@pytest.mark.trap(4)
def test_the_same_key_gets_the_same_successor_for_a_day(
    api: API, alice: User, clock: Clock
) -> None:
    first = api.login(alice)
    second = api.rotated(first["refresh"], key=KEY)
    before = row(first)
    clock.forward(hours=23, minutes=59)
    again = api.rotated(first["refresh"], key=KEY)
    assert again["refresh"] == second["refresh"]
    assert again["generation"] == 2
    assert DeviceSession.objects.filter(pk=before.pk).values().get() == {
        field.attname: getattr(before, field.attname) for field in before._meta.concrete_fields
    }


def test_after_a_day_the_same_key_revokes_the_session(api: API, alice: User, clock: Clock) -> None:
    first = api.login(alice)
    second = api.rotated(first["refresh"], key=KEY)
    clock.forward(hours=24)
    assert api.refresh(first["refresh"], key=KEY).status_code == 401
    assert is_revoked(first, "reuse")
    assert api.refresh(second["refresh"]).status_code == 401


@pytest.mark.trap(54)
@pytest.mark.parametrize("key", [OTHER_KEY, ""], ids=["another key", "no key"])
def test_a_wrong_key_in_the_grace_period_changes_nothing(
    api: API, alice: User, clock: Clock, key: str
) -> None:
    first = api.login(alice)
    second = api.rotated(first["refresh"], key=KEY)
    clock.forward(seconds=29)
    answer = api.refresh(first["refresh"], key=key)
    assert answer.status_code == 409
    assert answer.json()["code"] == "already_rotated"
    assert "refresh" not in answer.json()
    assert row(first).revoked_at is None
    assert api.rotated(second["refresh"])["generation"] == 3


@pytest.mark.parametrize("key", [OTHER_KEY, ""], ids=["another key", "no key"])
def test_a_wrong_key_after_the_grace_period_revokes(
    api: API, alice: User, clock: Clock, key: str
) -> None:
    first = api.login(alice)
    api.rotated(first["refresh"], key=KEY)
    clock.forward(seconds=30)
    assert api.refresh(first["refresh"], key=key).status_code == 401
    assert is_revoked(first, "reuse")


def test_a_key_is_valid_only_for_its_token(api: API, alice: User) -> None:
    first = api.login(alice)
    second = api.rotated(first["refresh"], key=KEY)
    third = api.rotated(second["refresh"], key=OTHER_KEY)
    assert api.refresh(second["refresh"], key=KEY).status_code == 409
    assert api.rotated(second["refresh"], key=OTHER_KEY)["refresh"] == third["refresh"]


@pytest.mark.usefixtures("no_grace")
def test_a_key_works_without_a_grace_period(api: API, alice: User) -> None:
    first = api.login(alice)
    second = api.rotated(first["refresh"], key=KEY)
    assert api.rotated(first["refresh"], key=KEY)["refresh"] == second["refresh"]
    assert api.refresh(first["refresh"], key=OTHER_KEY).status_code == 401
    assert is_revoked(first, "reuse")


@pytest.mark.parametrize("key", ["short", "k" * 256, "ключ от двери, секретный"[:8] * 3])
def test_an_invalid_key_is_refused_and_spends_nothing(api: API, alice: User, key: str) -> None:
    pair = api.login(alice)
    answer = api.refresh(pair["refresh"], key=key)
    assert answer.status_code == 400
    assert "Idempotency-Key" in answer.json()
    assert row(pair).generation == 1


@pytest.mark.trap(5, 54)
def test_a_key_gets_no_successor_of_a_keyless_refresh(api: API, alice: User, clock: Clock) -> None:
    """A thief refreshes first, without a key. The owner's key then revokes the session."""
    first = api.login(alice)
    thiefs = api.rotated(first["refresh"])
    assert api.refresh(first["refresh"], key=KEY).status_code == 409
    assert row(first).revoked_at is None
    clock.forward(seconds=30)
    assert api.refresh(first["refresh"], key=KEY).status_code == 401
    assert is_revoked(first, "reuse")
    assert api.refresh(thiefs["refresh"]).status_code == 401
