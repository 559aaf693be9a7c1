"""The refresh token grant: the same rotation as the API's, in the form of RFC 6749."""

from typing import Any

import pytest
from pytest_django import Settings

from accounts.models import User
from tests.conftest import API, Clock, Listen, allow, row
from tests.tokens.oauth.conftest import PAYMENTS, SITE, OAuth
from tokens.jwt.claims import AccessToken
from tokens.models import Reason
from tokens.signals import refresh_token_reused

pytestmark = pytest.mark.django_db(transaction=True)

GRANT = "refresh_token"


def limited(api: API, user: User, **limits: str) -> dict[str, Any]:
    """Sign in with fewer rights and return the pair."""
    body = {"username": user.username, "password": "seven wet otters", **limits}
    answer = api.post("login/", body)
    assert answer.status_code == 200, answer.content
    pair: dict[str, Any] = answer.json()
    return pair


@pytest.mark.spec("RFC 6749", "6", "5.1")
@pytest.mark.spec("RFC 9700", "4.14.2")
def test_a_refresh_token_is_rotated(oauth: OAuth, api: API, alice: User) -> None:
    pair = api.login(alice)
    answer = oauth.token(grant_type=GRANT, refresh_token=pair["refresh"])
    assert answer.status_code == 200
    body = answer.json()
    assert body.keys() == {"access_token", "refresh_token", "token_type", "expires_in", "scope"}
    assert (row(pair).generation, row(pair).rotated_from) == (2, "127.0.0.1")
    assert api.refresh(body["refresh_token"]).status_code == 200


def test_the_same_key_gets_the_same_refresh_token(
    oauth: OAuth, api: API, alice: User, clock: Clock
) -> None:
    pair, key = api.login(alice), {"Idempotency-Key": "0123456789abcdef"}
    form = {"grant_type": GRANT, "refresh_token": pair["refresh"]}
    first = oauth.post("token", form, **key).json()
    clock.forward(hours=1)
    second = oauth.post("token", form, **key).json()
    assert first["refresh_token"] == second["refresh_token"]
    assert row(pair).generation == 2


@pytest.mark.trap(67)
def test_contention_is_503_because_clients_discard_a_token_on_400(
    oauth: OAuth, api: API, alice: User
) -> None:
    pair = api.login(alice)
    api.rotated(pair["refresh"], key="0123456789abcdef")
    answer = oauth.token(grant_type=GRANT, refresh_token=pair["refresh"])
    assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")
    assert int(answer["Retry-After"]) >= 1
    assert row(pair).revoked_at is None


@pytest.mark.spec("RFC 6749", "5.2")
@pytest.mark.parametrize("kind", ["garbage", "access", "revoked", "expired"])
def test_a_token_that_is_not_valid_is_invalid_grant(
    oauth: OAuth, api: API, alice: User, clock: Clock, kind: str
) -> None:
    pair = api.login(alice)
    token = {"garbage": "garbage", "access": pair["access"]}.get(kind, pair["refresh"])
    if kind == "revoked":
        api.post("logout/", {"refresh": pair["refresh"]})
    if kind == "expired":
        clock.forward(days=15)
    answer = oauth.token(grant_type=GRANT, refresh_token=token)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


def test_reuse_revokes_the_session(oauth: OAuth, api: API, alice: User, clock: Clock) -> None:
    pair = api.login(alice)
    oauth.token(grant_type=GRANT, refresh_token=pair["refresh"])
    clock.forward(minutes=1)
    answer = oauth.token(grant_type=GRANT, refresh_token=pair["refresh"])
    assert answer.json()["error"] == "invalid_grant"
    assert row(pair).revoked_reason == Reason.REUSE


def test_a_key_of_the_wrong_length_is_invalid_request(oauth: OAuth, api: API, alice: User) -> None:
    pair = api.login(alice)
    form = {"grant_type": GRANT, "refresh_token": pair["refresh"]}
    answer = oauth.post("token", form, **{"Idempotency-Key": "short"})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert "16 to 255" in answer.json()["error_description"]
    assert row(pair).generation == 1


@pytest.mark.spec("RFC 6749", "6")
def test_a_refresh_can_narrow_the_scope_of_its_access_token(
    oauth: OAuth, api: API, alice: User
) -> None:
    pair = limited(api, alice, scope="orders:read orders:write")
    for _ in range(2):  # The second one is a retry.
        answer = oauth.token(grant_type=GRANT, refresh_token=pair["refresh"], scope="orders:read")
        assert answer.json()["scope"] == "orders:read"
        assert AccessToken(answer.json()["access_token"])["scope"] == "orders:read"
    following = oauth.token(grant_type=GRANT, refresh_token=answer.json()["refresh_token"])
    assert following.json()["scope"] == "orders:read orders:write"


@pytest.mark.spec("RFC 6749", "6", "5.2")
@pytest.mark.parametrize(
    ("more", "error"),
    [({"scope": "orders:write"}, "invalid_scope"), ({"resource": PAYMENTS}, "invalid_target")],
)
def test_a_refresh_cannot_widen_and_spends_nothing(
    oauth: OAuth, api: API, alice: User, more: dict[str, str], error: str
) -> None:
    api.login(alice)  # Another session of hers may have every scope.
    pair = limited(api, alice, scope="orders:read", audience=SITE)
    answer = oauth.post("token", {"grant_type": GRANT, "refresh_token": pair["refresh"], **more})
    assert (answer.status_code, answer.json()["error"]) == (400, error)
    assert row(pair).generation == 1


@pytest.mark.parametrize("more", [{"scope": "orders:delete"}, {"resource": "https://x.example"}])
def test_reuse_with_an_invalid_scope_or_audience_is_still_reuse(
    oauth: OAuth, api: API, alice: User, more: dict[str, str]
) -> None:
    """Guards that read_narrowing leaves tokens to `rotate` that it refuses."""
    pair = api.login(alice)
    api.rotated(api.rotated(pair["refresh"])["refresh"])
    form = {"grant_type": GRANT, "refresh_token": pair["refresh"], **more}
    assert oauth.post("token", form).json()["error"] == "invalid_grant"
    assert row(pair).revoked_reason == Reason.REUSE


def test_a_predecessor_after_its_time_is_reuse_whatever_its_scope(
    oauth: OAuth, api: API, alice: User, clock: Clock
) -> None:
    pair = api.login(alice)
    api.rotated(pair["refresh"])
    clock.forward(seconds=31)
    form = {"grant_type": GRANT, "refresh_token": pair["refresh"], "scope": "orders:delete"}
    assert oauth.post("token", form).json()["error"] == "invalid_grant"
    assert row(pair).revoked_reason == Reason.REUSE


def test_a_session_whose_audience_was_removed_ends_without_an_alarm(
    oauth: OAuth, api: API, alice: User, settings: Settings, heard: Listen
) -> None:
    """A later refresh with the same token must not look like reuse, nor bring another audience."""
    reused = heard(refresh_token_reused)
    pair = limited(api, alice, audience=PAYMENTS)
    with_payments = settings.SIMPLE_JWT
    settings.SIMPLE_JWT = {**with_payments, "AUDIENCE": [SITE]}
    form = {"grant_type": GRANT, "refresh_token": pair["refresh"]}
    assert oauth.post("token", {**form, "resource": PAYMENTS}).json()["error"] == "invalid_target"
    assert (row(pair).generation, row(pair).revoked_at) == (1, None)
    assert oauth.post("token", form).json()["error"] == "invalid_grant"
    assert row(pair).revoked_reason == Reason.ADMIN
    settings.SIMPLE_JWT = with_payments
    assert api.refresh(pair["refresh"]).status_code == 401
    assert reused == []


def test_a_removed_audience_is_answered_alike_with_and_without_a_scope(
    oauth: OAuth, api: API, alice: User, settings: Settings
) -> None:
    """Guards that read_narrowing refuses no audience that the request does not name."""
    pairs = [limited(api, alice, audience=PAYMENTS) for _ in range(2)]
    settings.SIMPLE_JWT = {**settings.SIMPLE_JWT, "AUDIENCE": [SITE]}
    for pair, more in zip(pairs, ({}, {"scope": "orders:read"}), strict=True):
        form = {"grant_type": GRANT, "refresh_token": pair["refresh"], **more}
        assert oauth.post("token", form).json()["error"] == "invalid_grant"
    assert row(pairs[0]).revoked_reason == row(pairs[1]).revoked_reason


def test_a_revoked_token_with_an_unknown_scope_is_invalid_grant(
    oauth: OAuth, api: API, alice: User
) -> None:
    pair = api.login(alice)
    api.post("logout/", {"refresh": pair["refresh"]})
    form = {"grant_type": GRANT, "refresh_token": pair["refresh"], "scope": "orders:delete"}
    assert oauth.post("token", form).json()["error"] == "invalid_grant"


@pytest.mark.usefixtures("fresh_counters")
def test_a_refused_scope_counts_as_a_refresh(
    oauth: OAuth, api: API, alice: User, settings: Settings
) -> None:
    allow(settings, refresh="2 per minute", forged_token="2 per minute")
    pair = api.login(alice)
    for token in (pair["refresh"], "forged"):
        form = {"grant_type": GRANT, "refresh_token": token, "scope": "orders:delete"}
        assert [oauth.post("token", form).status_code for _ in range(3)] == [400, 400, 429]


@pytest.mark.spec("RFC 8707", "2.2")
def test_a_refresh_chooses_an_audience_of_the_session(oauth: OAuth, api: API, alice: User) -> None:
    pair = api.login(alice)
    answer = oauth.token(grant_type=GRANT, refresh_token=pair["refresh"], resource=PAYMENTS)
    assert AccessToken(answer.json()["access_token"])["aud"] == PAYMENTS


def test_a_token_of_a_deleted_session_is_invalid_grant(oauth: OAuth, api: API, alice: User) -> None:
    """Also where the request names a scope, which is compared with the session's row."""
    pair = api.login(alice)
    row(pair).delete()
    for more in ({}, {"scope": "orders:read"}):
        form = {"grant_type": GRANT, "refresh_token": pair["refresh"], **more}
        answer = oauth.post("token", form)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


def test_a_session_without_scopes_chooses_an_audience(
    oauth: OAuth, api: API, alice: User, settings: Settings
) -> None:
    settings.TOKENS = {**settings.TOKENS, "SCOPES": {}}
    pair = api.login(alice)
    answer = oauth.token(grant_type=GRANT, refresh_token=pair["refresh"], resource=PAYMENTS)
    token = AccessToken(answer.json()["access_token"])
    assert ("scope" in answer.json(), "scope" in token, token["aud"]) == (False, False, PAYMENTS)
