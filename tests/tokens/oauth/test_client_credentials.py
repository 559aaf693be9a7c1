"""The client credentials grant: a program exchanges its secret for an access token."""

import base64
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from tests.conftest import API, Clock
from tests.tokens.oauth.conftest import (
    PAYMENTS,
    SITE,
    UNKNOWN_SECRET,
    OAuth,
    Service,
    basic,
    create_service,
)
from tokens.models import DeviceSession, Reason, ServiceAccount
from tokens.service_accounts.accounts import create_secret

pytestmark = pytest.mark.django_db(transaction=True)

GRANT = "client_credentials"


@pytest.mark.spec("RFC 6749", "4.4.2", "4.4.3", "5.1")
def test_a_secret_is_exchanged_for_an_access_token_alone(oauth: OAuth, service: Service) -> None:
    answer = oauth.token(service, grant_type=GRANT)
    assert answer.status_code == 200
    assert (answer["Cache-Control"], answer["Pragma"]) == ("no-store", "no-cache")
    body = answer.json()
    assert body.keys() == {"access_token", "token_type", "expires_in", "scope"}
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 300)
    assert body["scope"] == "orders:read orders:write"


@pytest.mark.spec("RFC 9068", "2.2", "2.2.3")
def test_the_token_names_the_client_as_its_subject(oauth: OAuth, service: Service) -> None:
    token = oauth.issued(service, grant_type=GRANT)
    assert token["sub"] == token["client_id"] == service.client_id
    assert token["sid"] == str(service.row.session.sid)
    assert (token["aud"], token["token_type"]) == (SITE, "access")
    assert "roles" not in token
    assert isinstance(token["scope"], str)


@pytest.mark.spec("RFC 6749", "2.3.1")
def test_the_client_may_authenticate_by_http_basic(oauth: OAuth, service: Service) -> None:
    form = {"grant_type": GRANT}
    answer = oauth.post("token", form, Authorization=basic(service.client_id, service.secret))
    assert answer.status_code == 200


@pytest.mark.trap(69)
def test_basic_credentials_are_decoded_before_they_are_compared(
    oauth: OAuth, service: Service
) -> None:
    encoded = "".join(f"%{ord(character):02x}" for character in service.secret)
    text = f"{service.client_id}:{encoded}"
    header = f"Basic {base64.b64encode(text.encode()).decode()}"
    assert oauth.post("token", {"grant_type": GRANT}, Authorization=header).status_code == 200


def test_a_client_may_ask_for_fewer_scopes(oauth: OAuth, service: Service) -> None:
    token = oauth.issued(service, grant_type=GRANT, scope="orders:read")
    assert token["scope"] == "orders:read"


@pytest.mark.spec("RFC 8707", "2")
def test_a_client_chooses_one_of_its_audiences(oauth: OAuth, service: Service) -> None:
    assert oauth.issued(service, grant_type=GRANT, resource=PAYMENTS)["aud"] == PAYMENTS


def test_an_account_without_scopes_gets_a_token_without_scopes(oauth: OAuth) -> None:
    token = oauth.issued(create_service(), grant_type=GRANT)
    assert "scope" not in token
    assert token["aud"] == SITE


BAD_REQUESTS = {
    "a scope that does not exist": ({"scope": "orders:delete"}, "invalid_scope"),
    "a scope of another account": ({"scope": "stock"}, "invalid_scope"),
    "a scope twice in part": ({"scope": "orders:read stock"}, "invalid_scope"),
    "an audience that does not exist": ({"resource": "https://evil.example"}, "invalid_target"),
}


@pytest.mark.spec("RFC 6749", "5.2")
@pytest.mark.parametrize(("form", "error"), BAD_REQUESTS.values(), ids=BAD_REQUESTS)
def test_a_request_for_more_than_the_account_has_is_refused(
    oauth: OAuth, service: Service, form: dict[str, str], error: str
) -> None:
    answer = oauth.token(service, grant_type=GRANT, **form)
    assert answer.status_code == 400
    assert answer.json()["error"] == error


def wrong_secret(service: Service) -> dict[str, str]:
    return {**service.credentials, "client_secret": service.secret[:-1] + "?"}


REFUSED_CLIENTS = {
    "no credentials": lambda service: {},
    "no secret": lambda service: {"client_id": service.client_id},
    "a mistyped secret": wrong_secret,
    "an unknown secret": lambda service: {
        **service.credentials,
        "client_secret": UNKNOWN_SECRET,
    },
    "the id of another account": lambda service: {
        "client_id": create_service("other").client_id,
        "client_secret": service.secret,
    },
    "an id that is not one": lambda service: {**service.credentials, "client_id": "orders"},
}


@pytest.mark.spec("RFC 6749", "5.2", "2.3.1")
@pytest.mark.parametrize("client", REFUSED_CLIENTS.values(), ids=REFUSED_CLIENTS)
def test_a_client_that_does_not_authenticate_is_401_with_a_challenge(
    oauth: OAuth, service: Service, client: object
) -> None:
    assert callable(client)
    answer = oauth.post("token", {"grant_type": GRANT, **client(service)})
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Basic ")
    assert answer.json()["error"] == "invalid_client"
    assert answer["Cache-Control"] == "no-store"


def encoded(text: bytes) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(text).decode()}"}


@pytest.mark.spec("RFC 6749", "2.3.1", "5.2")
@pytest.mark.parametrize(
    "header",
    [
        {"Authorization": "Basic ???"},
        {"Authorization": "Basic"},
        encoded(b"no colon"),
        encoded(b"\xff:\xff"),
        {"Authorization": "Basic é"},
    ],
    ids=["not base64", "empty", "no colon", "not UTF-8", "not ASCII"],
)
def test_basic_credentials_that_cannot_be_read_are_an_invalid_client(
    oauth: OAuth, header: dict[str, str]
) -> None:
    answer = oauth.post("token", {"grant_type": GRANT}, **header)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


@pytest.mark.spec("RFC 6749", "2.3")
def test_a_client_id_in_the_form_must_be_that_of_the_header(oauth: OAuth, service: Service) -> None:
    header = basic(service.client_id, service.secret)
    for client_id, status in ((service.client_id, 200), ("another", 400)):
        form = {"grant_type": GRANT, "client_id": client_id}
        assert oauth.post("token", form, Authorization=header).status_code == status


@pytest.mark.spec("RFC 6749", "2.3")
def test_two_methods_of_authentication_in_one_request_are_refused(
    oauth: OAuth, service: Service
) -> None:
    form = {"grant_type": GRANT, **service.credentials}
    answer = oauth.post("token", form, Authorization=basic(service.client_id, service.secret))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


@pytest.mark.trap(73)
def test_two_secrets_of_an_account_are_valid_at_a_time(oauth: OAuth, service: Service) -> None:
    _, second = create_secret(service.account, lifetime=timedelta(days=30))
    for secret in (service.secret, second):
        other = Service(service.account, service.row, secret)
        assert oauth.token(other, grant_type=GRANT).status_code == 200


@pytest.mark.trap(74)
@pytest.mark.parametrize("end", ["session", "account", "deletion"])
def test_disabling_ends_the_secret_and_its_tokens(oauth: OAuth, service: Service, end: str) -> None:
    token = oauth.issued(service, grant_type=GRANT)
    bearer = {"Authorization": f"Bearer {token.token}"}
    assert oauth.client.get("/api/example/", headers=bearer).status_code == 200
    if end == "session":
        DeviceSession.objects.filter(pk=service.row.session_id).revoke(Reason.ADMIN)
    elif end == "account":
        service.account.is_active = False
        service.account.save()
    else:
        service.account.delete()
    assert oauth.client.get("/api/example/", headers=bearer).status_code == 401
    assert oauth.token(service, grant_type=GRANT).status_code == 401
    assert DeviceSession.objects.get(pk=service.row.session_id).revoked_at is not None


def test_a_disabled_account_stays_disabled_when_it_is_enabled_again(
    oauth: OAuth, service: Service
) -> None:
    for is_active in (False, True):
        service.account.is_active = is_active
        service.account.save()
    assert oauth.token(service, grant_type=GRANT).status_code == 401


def test_a_secret_of_a_disabled_account_is_disabled(
    oauth: OAuth, api: API, alice: User, service: Service
) -> None:
    pair = api.login(alice)
    ServiceAccount.objects.filter(pk=service.account.pk).update(is_active=False)
    row, secret = create_secret(service.account, lifetime=timedelta(days=1))
    ServiceAccount.objects.filter(pk=service.account.pk).update(is_active=True)
    assert oauth.token(Service(service.account, row, secret), grant_type=GRANT).status_code == 401
    api.rotated(pair["refresh"])


def test_an_account_that_loses_a_scope_refuses_its_older_tokens(
    oauth: OAuth, service: Service
) -> None:
    token = oauth.issued(service, grant_type=GRANT)
    bearer = {"Authorization": f"Bearer {token.token}"}
    service.account.scope = "orders:read"
    service.account.save()
    answer = oauth.client.get("/api/example/", headers=bearer)
    assert (answer.status_code, answer.json()["code"]) == (401, "rights_changed")
    assert oauth.issued(service, grant_type=GRANT)["scope"] == "orders:read"


def test_saving_an_unchanged_account_refuses_nothing(oauth: OAuth, service: Service) -> None:
    service.account.save()
    assert DeviceSession.objects.get(pk=service.row.session_id).roles_version == 1


@pytest.mark.parametrize("what", ["secret", "account"])
def test_an_expired_secret_or_account_is_refused(
    oauth: OAuth, service: Service, clock: Clock, what: str
) -> None:
    if what == "account":
        service.account.expires_at = timezone.now() + timedelta(minutes=2)
        service.account.save()
        token = oauth.issued(service, grant_type=GRANT)
        assert token["exp"] - token["iat"] <= 120
    clock.forward(days=366 if what == "secret" else 1)
    assert oauth.token(service, grant_type=GRANT).status_code == 401


def test_an_earlier_expiry_of_the_account_reaches_its_tokens(
    oauth: OAuth, service: Service
) -> None:
    """Guards idle_expires_at and the roles version in on_account_saved."""
    token = oauth.issued(service, grant_type=GRANT)
    bearer = {"Authorization": f"Bearer {token.token}"}
    service.account.expires_at = timezone.now() + timedelta(minutes=1)
    service.account.save()
    assert oauth.client.get("/api/example/", headers=bearer).status_code == 401
    assert oauth.issued(service, grant_type=GRANT)["exp"] <= token["exp"] - 200
    service.account.expires_at = timezone.now()
    service.account.save()
    assert oauth.token(service, grant_type=GRANT).status_code == 401


@pytest.mark.trap(70)
def test_the_last_use_is_written_once_in_an_hour(
    oauth: OAuth, service: Service, clock: Clock
) -> None:
    oauth.token(service, grant_type=GRANT)
    service.row.refresh_from_db()
    first = service.row.last_used_at
    assert first is not None
    clock.forward(minutes=59)
    with CaptureQueriesContext(connection) as queries:
        oauth.token(service, grant_type=GRANT)
    assert len(queries) == 1
    clock.forward(minutes=2)
    oauth.token(service, grant_type=GRANT)
    service.row.refresh_from_db()
    assert service.row.last_used_at is not None
    assert service.row.last_used_at > first


def test_the_database_contains_no_secret(service: Service) -> None:
    row = service.row
    assert row.prefix == service.secret[:13]
    assert service.secret.encode() not in bytes(row.digest)
    assert service.secret not in repr(vars(row))
