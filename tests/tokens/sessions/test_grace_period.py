"""Without a key, the predecessor gets the same successor again within the grace period."""

import pytest
from pytest_django import Settings

from accounts.models import User
from tests.conftest import API, Clock, row
from tests.tokens.sessions.revocations import is_revoked

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.trap(4, 5)
@pytest.mark.spec("ASVS 5.0", "10.4.5")
def test_the_predecessor_gets_the_same_successor_in_time(
    api: API, alice: User, clock: Clock
) -> None:
    first = api.login(alice)
    second = api.rotated(first["refresh"])
    clock.forward(seconds=29)
    assert api.rotated(first["refresh"])["refresh"] == second["refresh"]
    assert row(first).generation == 2


@pytest.mark.spec("ASVS 5.0", "10.4.5")
def test_after_the_grace_period_the_predecessor_revokes(
    api: API, alice: User, clock: Clock
) -> None:
    first = api.login(alice)
    second = api.rotated(first["refresh"])
    clock.forward(seconds=30)
    assert api.refresh(first["refresh"]).status_code == 401
    assert is_revoked(first, "reuse")
    assert api.refresh(second["refresh"]).status_code == 401
    assert api.post("verify/", {"token": second["access"]}).status_code == 401


@pytest.mark.trap(5)
def test_the_grace_period_does_not_slide(api: API, alice: User, clock: Clock) -> None:
    first = api.login(alice)
    api.rotated(first["refresh"])
    clock.forward(seconds=20)
    api.rotated(first["refresh"])
    clock.forward(seconds=20)
    assert api.refresh(first["refresh"]).status_code == 401
    assert is_revoked(first, "reuse")


@pytest.mark.trap(5)
@pytest.mark.spec("RFC 9700", "4.14.2")
def test_a_token_before_the_predecessor_revokes_the_session(api: API, alice: User) -> None:
    first = api.login(alice)
    second = api.rotated(first["refresh"])
    third = api.rotated(second["refresh"])
    assert api.refresh(first["refresh"]).status_code == 401
    assert is_revoked(first, "reuse")
    assert api.refresh(third["refresh"]).status_code == 401


@pytest.mark.usefixtures("no_grace")
@pytest.mark.spec("ASVS 5.0", "10.4.5")
def test_without_a_grace_period_the_predecessor_revokes(api: API, alice: User) -> None:
    first = api.login(alice)
    api.rotated(first["refresh"])
    assert api.refresh(first["refresh"]).status_code == 401
    assert is_revoked(first, "reuse")


@pytest.mark.trap(6)
def test_the_grace_period_revives_no_revoked_session(api: API, alice: User) -> None:
    first = api.login(alice)
    second = api.rotated(first["refresh"])
    api.post("logout/", {"refresh": second["refresh"]})
    assert api.refresh(first["refresh"]).status_code == 401
    assert is_revoked(first, "logout")


@pytest.mark.trap(9)
def test_the_successor_is_issued_again_after_a_failed_answer(
    api: API, alice: User, settings: Settings
) -> None:
    """Signing fails after the row moved: the next try gives the pair."""
    first = api.login(alice)
    right = settings.TOKENS
    settings.TOKENS = {**right, "CLIENT_ID": b"nothing that JSON has"}
    api.client.raise_request_exception = False
    assert api.refresh(first["refresh"]).status_code == 500
    settings.TOKENS = right
    assert row(first).generation == 2
    second = api.rotated(first["refresh"])
    assert second["generation"] == 2
    assert api.rotated(second["refresh"])["generation"] == 3
