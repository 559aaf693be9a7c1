"""Refreshes are limited by session, and forged tokens by address."""

import pytest
from pytest_django import Settings

from accounts.models import User
from tests.conftest import API, allow, row

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("fresh_counters"),
]

THIEF = "198.51.100.66"


@pytest.mark.trap(47)
def test_refreshes_are_counted_by_session_and_not_by_address(
    api: API, alice: User, bob: User, settings: Settings
) -> None:
    allow(settings, refresh="2 per minute")
    phone, laptop = api.login(alice), api.login(bob)
    second = api.rotated(phone["refresh"])
    third = api.rotated(second["refresh"])
    refused = api.refresh(third["refresh"])
    assert refused.status_code == 429
    assert refused["Retry-After"]
    assert row(phone).generation == 3
    assert api.refresh(laptop["refresh"]).status_code == 200


@pytest.mark.trap(47)
def test_only_forged_tokens_are_counted_by_address(
    api: API, alice: User, settings: Settings
) -> None:
    allow(settings, forged_token="2 per minute")
    pair = api.login(alice)
    assert [api.refresh("garbage").status_code for _ in range(4)] == [401, 401, 429, 429]
    assert api.rotated(pair["refresh"])["generation"] == 2
    api.client.defaults["REMOTE_ADDR"] = THIEF
    assert api.refresh("garbage").status_code == 401


def test_verify_is_counted_by_address(api: API, alice: User, settings: Settings) -> None:
    allow(settings, verify="1 per minute")
    pair = api.login(alice)
    assert api.post("verify/", {"token": pair["access"]}).status_code == 200
    assert api.post("verify/", {"token": pair["access"]}).status_code == 429
