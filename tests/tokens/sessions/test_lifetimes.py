"""The lifetimes of access tokens, idle sessions and sessions."""

from datetime import timedelta

import jwt
import pytest
from pytest_django import Settings
from rest_framework_simplejwt.exceptions import ExpiredTokenError

from accounts.models import User
from tests.conftest import API, Clock, row
from tests.support.example import read
from tokens.jwt.claims import AccessToken, RefreshToken
from tokens.models import DeviceSession

pytestmark = pytest.mark.django_db(transaction=True)

LEEWAY = 10  # seconds


def claims(token: str) -> dict[str, int]:
    read: dict[str, int] = jwt.decode(token, options={"verify_signature": False})
    return read


@pytest.mark.spec("ASVS 5.0", "7.1.1")
def test_lifetimes_are_the_documented_ones(api: API, alice: User, clock: Clock) -> None:
    pair = api.login(alice)
    assert pair["expires_in"] == 300
    assert pair["refresh_expires_in"] == 14 * 24 * 3600
    for token, seconds in (("access", 300), ("refresh", 14 * 24 * 3600)):
        said = claims(pair[token])
        assert said["exp"] - said["iat"] == seconds
    assert row(pair).expires_at - row(pair).created_at == timedelta(days=90)


def test_an_access_token_expires_after_five_minutes_and_leeway(
    api: API, alice: User, clock: Clock
) -> None:
    pair = api.login(alice)
    clock.forward(seconds=300 + LEEWAY - 2)
    assert api.post("verify/", {"token": pair["access"]}).status_code == 200
    clock.forward(seconds=2)
    assert api.post("verify/", {"token": pair["access"]}).status_code == 401


def test_a_shorter_lifetime_holds_for_access_tokens_that_exist(
    api: API, alice: User, clock: Clock, settings: Settings
) -> None:
    """Otherwise a token would outlive the memory of its revocation and be accepted again."""
    shortened = {**settings.SIMPLE_JWT, "ACCESS_TOKEN_LIFETIME": timedelta(minutes=1)}
    settings.SIMPLE_JWT = {**settings.SIMPLE_JWT, "ACCESS_TOKEN_LIFETIME": timedelta(hours=1)}
    revoked, valid = api.login(alice), api.login(alice)
    api.post("logout/", {"refresh": revoked["refresh"]})
    settings.SIMPLE_JWT = shortened
    assert (read(api, revoked).status_code, read(api, valid).status_code) == (401, 200)
    clock.forward(minutes=5)
    assert (read(api, revoked).status_code, read(api, valid).status_code) == (401, 401)
    assert read(api, api.rotated(valid["refresh"])).status_code == 200


@pytest.mark.spec("RFC 7519", "4.1.4")
@pytest.mark.parametrize("name", ["access", "refresh"])
def test_a_token_is_refused_in_the_second_of_its_expiry(
    api: API, alice: User, clock: Clock, name: str
) -> None:
    """`exp` is the time on or after which a token must not be accepted; the leeway moves it."""
    token = api.login(alice)[name]
    parse = {"access": AccessToken, "refresh": RefreshToken}[name]
    clock.traveller.move_to(claims(token)["exp"] + LEEWAY - 0.001)
    parse(token)
    clock.traveller.move_to(claims(token)["exp"] + LEEWAY)
    with pytest.raises(ExpiredTokenError):
        parse(token)


@pytest.mark.spec("RFC 9700", "4.14.2")
@pytest.mark.spec("ASVS 5.0", "7.3.1")
def test_a_session_unused_for_two_weeks_expires(api: API, alice: User, clock: Clock) -> None:
    pair = api.login(alice)
    clock.forward(days=13, hours=23)
    pair = api.rotated(pair["refresh"])
    clock.forward(days=14, seconds=1)
    assert api.refresh(pair["refresh"]).status_code == 401
    clock.forward(seconds=LEEWAY)
    assert api.refresh(pair["refresh"]).status_code == 401
    assert row(pair).generation == 2


@pytest.mark.trap(8)
@pytest.mark.spec("ASVS 5.0", "7.3.2", "10.4.8")
def test_refreshing_does_not_extend_a_session_past_ninety_days(
    api: API, alice: User, clock: Clock
) -> None:
    pair = api.login(alice)
    ends = row(pair).expires_at
    for _ in range(8):
        clock.forward(days=11)
        pair = api.rotated(pair["refresh"])
    assert row(pair).expires_at == ends
    assert pair["refresh_expires_in"] == timedelta(days=2).total_seconds()
    clock.forward(days=1, hours=23, minutes=59)
    pair = api.rotated(pair["refresh"])
    assert pair["refresh_expires_in"] == pair["expires_in"] == 60
    clock.forward(seconds=60)
    assert api.refresh(pair["refresh"]).status_code == 401
    assert row(pair).generation == pair["generation"]
    assert api.post("verify/", {"token": pair["access"]}).status_code == 401


@pytest.mark.trap(44)
def test_lifetimes_are_read_at_call_time(
    api: API, alice: User, settings: Settings, clock: Clock
) -> None:
    settings.SIMPLE_JWT = {
        **settings.SIMPLE_JWT,
        "ACCESS_TOKEN_LIFETIME": timedelta(minutes=1),
        "REFRESH_TOKEN_LIFETIME": timedelta(hours=1),
    }
    settings.TOKENS = {**settings.TOKENS, "ABSOLUTE_LIFETIME": timedelta(hours=2)}
    pair = api.login(alice)
    assert (pair["expires_in"], pair["refresh_expires_in"]) == (60, 3600)
    assert row(pair).expires_at - row(pair).created_at == timedelta(hours=2)


@pytest.mark.spec("RFC 8725", "3.8")
def test_another_servers_clock_may_be_three_seconds_ahead(
    api: API, alice: User, clock: Clock
) -> None:
    clock.forward(seconds=3)
    pair = api.login(alice)
    clock.forward(seconds=-3)
    assert api.post("verify/", {"token": pair["access"]}).status_code == 200
    assert api.rotated(pair["refresh"])["generation"] == 2


@pytest.mark.trap(23)
@pytest.mark.spec("ASVS 5.0", "7.1.2")
def test_the_cap_evicts_the_least_recently_used_session(
    api: API, alice: User, bob: User, settings: Settings, clock: Clock
) -> None:
    settings.TOKENS = {**settings.TOKENS, "SESSIONS_PER_USER": 2}
    somebody_elses = api.login(bob)
    phone, laptop = api.login(alice), api.login(alice)
    clock.forward(seconds=1)
    phone = api.rotated(phone["refresh"])
    clock.forward(seconds=1)
    tablet = api.login(alice)
    assert row(laptop).revoked_reason == "evicted"
    assert api.refresh(laptop["refresh"]).status_code == 401
    for pair in (phone, tablet, somebody_elses):
        assert api.refresh(pair["refresh"]).status_code == 200


def test_the_cap_never_evicts_the_new_session(
    api: API, alice: User, settings: Settings, clock: Clock
) -> None:
    """Other sessions can be used later than a sign-in begins, if it waits for the user's row."""
    settings.TOKENS = {**settings.TOKENS, "SESSIONS_PER_USER": 1}
    clock.forward(seconds=5)
    phone = api.login(alice)
    clock.forward(seconds=-5)
    laptop = api.login(alice)
    assert row(phone).revoked_reason == "evicted"
    assert api.refresh(laptop["refresh"]).status_code == 200


def test_expired_sessions_do_not_count_for_the_cap(
    api: API, alice: User, settings: Settings, clock: Clock
) -> None:
    settings.TOKENS = {**settings.TOKENS, "SESSIONS_PER_USER": 1}
    old = api.login(alice)
    clock.forward(days=15)
    api.login(alice)
    assert row(old).revoked_at is None
    assert DeviceSession.objects.all().active().count() == 1
