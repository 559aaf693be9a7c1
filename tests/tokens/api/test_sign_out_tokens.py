"""Any genuine refresh token of a session ends it, also one that a refresh would refuse."""

import pytest
from pytest_django import Settings

from accounts.models import User
from tests.conftest import API, Clock, row
from tests.tokens.api.test_sign_out import is_refused

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.trap(22)
def test_signing_out_with_an_old_token_revokes_the_session(api: API, alice: User) -> None:
    first = api.login(alice)
    second = api.rotated(first["refresh"])
    third = api.rotated(second["refresh"])
    assert api.post("logout/", {"refresh": first["refresh"]}).status_code == 204
    assert row(first).revoked_reason == "logout"
    assert is_refused(api, third)


@pytest.mark.trap(22)
def test_signing_out_with_an_expired_token_revokes_the_session(
    api: API, alice: User, clock: Clock
) -> None:
    first = api.login(alice)
    clock.forward(days=10)
    second = api.rotated(first["refresh"])
    clock.forward(days=5)
    assert api.post("logout/", {"refresh": first["refresh"]}).status_code == 204
    assert is_refused(api, second)


@pytest.mark.trap(22)
def test_signing_out_under_another_issuer_revokes_the_session(
    api: API, alice: User, settings: Settings
) -> None:
    """It must stay revoked after TOKEN_ISSUER is set back."""
    pair, before = api.login(alice), settings.SIMPLE_JWT
    settings.SIMPLE_JWT = {**before, "ISSUER": "https://id.example.org"}
    assert api.refresh(pair["refresh"]).status_code == 401
    assert api.post("logout/", {"refresh": pair["refresh"]}).status_code == 204
    settings.SIMPLE_JWT = before
    assert row(pair).revoked_reason == "logout"
    assert is_refused(api, pair)


@pytest.mark.trap(22)
def test_signing_out_at_a_server_with_a_slow_clock_revokes_the_session(
    api: API, alice: User, clock: Clock
) -> None:
    pair = api.login(alice)
    clock.forward(seconds=-60)
    assert api.refresh(pair["refresh"]).status_code == 401
    assert api.post("logout/", {"refresh": pair["refresh"]}).status_code == 204
    clock.forward(seconds=60)
    assert row(pair).revoked_reason == "logout"
    assert is_refused(api, pair)
