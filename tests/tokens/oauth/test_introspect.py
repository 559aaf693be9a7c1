"""Token introspection (RFC 7662)."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from tests.conftest import API, Answer, Clock, row
from tests.tokens.oauth.conftest import PAYMENTS, OAuth, Service, create_service
from tests.tokens.oauth.test_exchange import exchanged
from tokens.jwt.custom_claims import RESERVED
from tokens.models import DeviceSession, Reason, ServiceAccount

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def inspector(db: None) -> Service:
    return create_service("inspector", scope="introspect")


def introspect(oauth: OAuth, service: Service, token: str) -> Answer:
    return oauth.post("introspect", {"token": token, **service.credentials})


@pytest.mark.spec("RFC 7662", "2.1", "2.2")
@pytest.mark.spec("RFC 9068", "2.2")
def test_an_active_access_token_is_described(
    oauth: OAuth, api: API, alice: User, inspector: Service
) -> None:
    pair = api.login(alice)
    answer = introspect(oauth, inspector, pair["access"])
    assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store")
    body = answer.json()
    assert (body["active"], body["token_type"], body["sub"]) == (True, "Bearer", str(alice.pk))
    assert {"iss", "aud", "exp", "iat", "jti", "client_id", "sid", "scope"} <= body.keys()


@pytest.mark.parametrize("secret", ["wrong", "é"])
def test_a_malformed_secret_is_invalid_client(
    oauth: OAuth, inspector: Service, secret: str
) -> None:
    form = {"token": "unknown", "client_id": inspector.client_id, "client_secret": secret}
    answer = oauth.post("introspect", form)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_an_introspection_is_a_use_of_the_secret(oauth: OAuth, inspector: Service) -> None:
    introspect(oauth, inspector, "unknown")
    inspector.row.refresh_from_db()
    assert inspector.row.last_used_at is not None


@pytest.mark.trap(77)
def test_a_refresh_token_is_described_without_its_generation(
    oauth: OAuth, api: API, alice: User, inspector: Service
) -> None:
    pair = api.login(alice)
    body = introspect(oauth, inspector, pair["refresh"]).json()
    assert body.keys() == {"active", "token_type", "iss", "sub", "exp", "sid"}
    assert body["token_type"] == "refresh_token"


def test_an_exchanged_token_is_described_with_its_actor(
    oauth: OAuth, api: API, alice: User, inspector: Service, service: Service
) -> None:
    token = exchanged(oauth, service, api.login(alice)["access"], audience=PAYMENTS)
    body = introspect(oauth, inspector, str(token.token)).json()
    assert (body["active"], body["act"]) == (True, {"sub": service.client_id})


@pytest.mark.trap(12, 77)
@pytest.mark.spec("RFC 7662", "2.2")
@pytest.mark.parametrize(
    "kind", ["garbage", "revoked access", "revoked refresh", "spent", "reused", "expired", "secret"]
)
def test_an_inactive_token_says_nothing_else_and_ends_nothing(
    oauth: OAuth, api: API, alice: User, inspector: Service, *, clock: Clock, kind: str
) -> None:
    pair = api.login(alice)
    token = pair["access" if kind in ("revoked access", "expired") else "refresh"]
    if kind.startswith("revoked"):
        DeviceSession.objects.filter(sid=pair["session"]).revoke(Reason.ADMIN)
    elif kind in ("spent", "reused"):
        api.rotated(pair["refresh"])
        clock.forward(seconds=60 if kind == "reused" else 0)
    elif kind == "expired":
        clock.forward(minutes=6)
    before = row(pair)
    token = {"garbage": "garbage", "secret": inspector.secret}.get(kind, token)
    answer = introspect(oauth, inspector, token)
    assert (answer.status_code, answer.json()) == (200, {"active": False})
    after = row(pair)
    assert (after.revoked_at, after.generation) == (before.revoked_at, before.generation)


@pytest.mark.spec("RFC 7662", "2.1", "2.3")
def test_only_a_service_account_with_the_scope_may_ask(
    oauth: OAuth, api: API, alice: User, service: Service
) -> None:
    token = api.login(alice)["access"]
    assert oauth.post("introspect", {"token": token}).status_code == 401
    answer = introspect(oauth, service, token)
    assert (answer.status_code, answer.json()["error"]) == (403, "insufficient_scope")


def test_a_person_cannot_have_the_scope(oauth: OAuth, api: API, alice: User) -> None:
    pair = api.login(alice)
    answer = oauth.post(
        "introspect", {"token": pair["access"]}, Authorization=f"Bearer {pair['access']}"
    )
    assert answer.status_code == 401


def test_asking_again_costs_no_query(
    oauth: OAuth, api: API, alice: User, inspector: Service
) -> None:
    token = api.login(alice)["access"]
    introspect(oauth, inspector, token)
    with CaptureQueriesContext(connection) as queries:
        assert introspect(oauth, inspector, token).json()["active"]
    assert len(queries) == 0


def test_a_disabled_secret_may_not_ask(
    oauth: OAuth, api: API, alice: User, inspector: Service
) -> None:
    """Guards the snapshot in `verify_secret`: the secret was remembered a moment ago."""
    token = api.login(alice)["access"]
    assert introspect(oauth, inspector, token).status_code == 200
    DeviceSession.objects.filter(pk=inspector.row.session_id).revoke(Reason.ADMIN)
    assert introspect(oauth, inspector, token).status_code == 401


def test_a_missing_token_is_refused(oauth: OAuth, inspector: Service) -> None:
    answer = oauth.post("introspect", inspector.credentials)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


@pytest.mark.trap(74)
def test_an_account_that_expires_within_the_minute_is_refused(
    oauth: OAuth, inspector: Service, clock: Clock
) -> None:
    """Guards the check of `exp` in tokens/service_accounts/cache.py."""
    expires_at = timezone.now() + timedelta(seconds=30)
    ServiceAccount.objects.filter(pk=inspector.account.pk).update(expires_at=expires_at)
    assert introspect(oauth, inspector, "garbage").status_code == 200
    clock.forward(seconds=31)
    assert introspect(oauth, inspector, "garbage").status_code == 401


def test_the_id_of_another_account_may_not_ask(oauth: OAuth, inspector: Service) -> None:
    other = create_service("other", scope="introspect").client_id
    form = {"token": "x", "client_id": other, "client_secret": inspector.secret}
    answer = oauth.post("introspect", form)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_a_custom_claim_cannot_change_whether_a_token_is_active() -> None:
    assert {"active", "username"} <= RESERVED


def test_a_refresh_token_of_a_deleted_session_is_inactive(
    oauth: OAuth, api: API, alice: User, inspector: Service
) -> None:
    pair = api.login(alice)
    DeviceSession.objects.filter(sid=pair["session"]).delete()
    assert introspect(oauth, inspector, pair["refresh"]).json() == {"active": False}


def test_a_client_without_an_audience_that_exists_is_refused(
    oauth: OAuth, inspector: Service
) -> None:
    DeviceSession.objects.update(audience="https://removed.example.org")
    assert introspect(oauth, inspector, "garbage").status_code == 401
