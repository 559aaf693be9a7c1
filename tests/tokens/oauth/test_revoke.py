"""Token revocation (RFC 7009)."""

import pytest
from pytest_django import Settings

from accounts.models import User
from tests.conftest import API, Clock, row
from tests.tokens.oauth.conftest import PAYMENTS, UNKNOWN_SECRET, OAuth, Service
from tests.tokens.oauth.test_exchange import exchanged
from tokens.models import BlacklistedToken, DeviceSession, Reason

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.spec("RFC 7009", "2.1", "2.2")
@pytest.mark.parametrize("kind", ["access", "refresh"])
@pytest.mark.parametrize("hint", ["", "access_token", "refresh_token", "nonsense"])
def test_a_token_of_a_person_revokes_its_session(
    oauth: OAuth, api: API, alice: User, kind: str, hint: str
) -> None:
    pair = api.login(alice)
    answer = oauth.post("revoke", {"token": pair[kind], "token_type_hint": hint})
    assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store")
    assert row(pair).revoked_reason == Reason.LOGOUT
    assert api.refresh(pair["refresh"]).status_code == 401


@pytest.mark.parametrize(("kind", "reason"), [("access", ""), ("refresh", Reason.LOGOUT)])
def test_only_a_refresh_token_revokes_under_another_issuer(
    oauth: OAuth, api: API, alice: User, settings: Settings, *, kind: str, reason: str
) -> None:
    pair = api.login(alice)
    settings.SIMPLE_JWT = {**settings.SIMPLE_JWT, "ISSUER": "https://id.example.org"}
    assert oauth.post("revoke", {"token": pair[kind]}).status_code == 200
    assert row(pair).revoked_reason == reason


@pytest.mark.parametrize("kind", ["access", "refresh"])
def test_a_token_revokes_no_other_session(
    oauth: OAuth, api: API, alice: User, bob: User, kind: str
) -> None:
    phone, laptop, bobs = api.login(alice), api.login(alice), api.login(bob)
    oauth.post("revoke", {"token": phone[kind]})
    revoked = DeviceSession.objects.exclude(revoked_at=None)
    assert [str(session.sid) for session in revoked] == [phone["session"]]
    assert api.refresh(laptop["refresh"]).status_code == 200
    assert api.refresh(bobs["refresh"]).status_code == 200


@pytest.mark.trap(66)
@pytest.mark.parametrize("kind", ["access", "refresh"])
def test_a_token_revokes_no_session_of_another_user(
    oauth: OAuth, api: API, alice: User, bob: User, kind: str
) -> None:
    pair = api.login(alice)
    DeviceSession.objects.update(user=bob)
    assert oauth.post("revoke", {"token": pair[kind]}).status_code == 200
    assert row(pair).revoked_at is None


@pytest.mark.spec("RFC 7009", "2.2")
@pytest.mark.parametrize("token", ["unknown", "a.b.c", "é", UNKNOWN_SECRET])
def test_an_unknown_token_is_answered_like_a_known_one(oauth: OAuth, db: None, token: str) -> None:
    answer = oauth.post("revoke", {"token": token})
    assert (answer.status_code, answer.json()) == (200, {})


def test_a_session_that_has_ended_is_answered_like_any_other(
    oauth: OAuth, api: API, alice: User
) -> None:
    pair = api.login(alice)
    for _ in range(2):
        assert oauth.post("revoke", {"token": pair["refresh"]}).status_code == 200


@pytest.mark.spec("RFC 7009", "2.2.1")
def test_a_request_without_a_token_is_refused(oauth: OAuth) -> None:
    answer = oauth.post("revoke", {})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_an_expired_access_token_revokes_nothing(
    oauth: OAuth, api: API, alice: User, clock: Clock
) -> None:
    pair = api.login(alice)
    clock.forward(minutes=6)
    assert oauth.post("revoke", {"token": pair["access"]}).status_code == 200
    assert row(pair).revoked_at is None


def test_a_secret_is_disabled_by_revoking_it(oauth: OAuth, service: Service) -> None:
    assert oauth.post("revoke", {"token": service.secret}).status_code == 200
    assert oauth.token(service, grant_type="client_credentials").status_code == 401
    assert DeviceSession.objects.get(pk=service.row.session_id).revoked_at is not None


def test_revoking_a_token_of_a_service_leaves_its_secret_valid(
    oauth: OAuth, service: Service
) -> None:
    token = oauth.issued(service, grant_type="client_credentials")
    oauth.post("revoke", {"token": token.token})
    bearer = {"Authorization": f"Bearer {token.token}"}
    assert oauth.client.get("/api/example/", headers=bearer).status_code == 401
    assert oauth.token(service, grant_type="client_credentials").status_code == 200


def test_revoking_an_exchanged_token_leaves_the_person_signed_in(
    oauth: OAuth, api: API, alice: User, service: Service
) -> None:
    pair = api.login(alice)
    token = exchanged(oauth, service, pair["access"], audience=PAYMENTS)
    oauth.post("revoke", {"token": token.token})
    assert BlacklistedToken.objects.filter(jti=token.jti).exists()
    assert row(pair).revoked_at is None
