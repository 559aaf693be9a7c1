"""Token exchange (RFC 8693): a service calls the next one on behalf of a person."""

import pytest
from pytest_django import Settings

from accounts.models import User
from tests.conftest import API, Answer, Clock
from tests.tokens.oauth.conftest import PAYMENTS, SITE, OAuth, Service, create_service
from tests.tokens.oauth.test_refresh_token import limited
from tokens.errors import TokenRefusedError
from tokens.jwt.claims import AccessToken
from tokens.keys.keyring import keyring
from tokens.models import DeviceSession, Reason
from tokens.sessions.access import verify_access_token, verify_by_row

pytestmark = pytest.mark.django_db(transaction=True)

ACCESS = "urn:ietf:params:oauth:token-type:access_token"
GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"


def exchange(oauth: OAuth, service: Service, subject: str, **form: str) -> Answer:
    types = {"grant_type": GRANT, "subject_token": subject, "subject_token_type": ACCESS}
    return oauth.token(service, **{**types, **form})


def exchanged(oauth: OAuth, service: Service, subject: str, **form: str) -> AccessToken:
    answer = exchange(oauth, service, subject, **form)
    assert answer.status_code == 200, answer.content
    return AccessToken(answer.json()["access_token"])


@pytest.mark.spec("RFC 8693", "2.1", "2.2.1", "4.1")
def test_the_new_token_names_the_person_and_the_service(
    oauth: OAuth, api: API, alice: User, service: Service
) -> None:
    pair = api.login(alice)
    answer = exchange(oauth, service, pair["access"], audience=PAYMENTS)
    assert answer.status_code == 200
    body = answer.json()
    assert (body["issued_token_type"], body["token_type"]) == (ACCESS, "Bearer")
    assert "refresh_token" not in body
    subject, token = AccessToken(pair["access"]), AccessToken(body["access_token"])
    assert (token["sub"], token["sid"]) == (str(alice.pk), pair["session"])
    assert token["act"] == {"sub": service.client_id}
    assert (token["aud"], token["client_id"]) == (PAYMENTS, service.client_id)
    assert token["exp"] <= subject["exp"]
    assert token.jti != subject.jti


def test_an_exchange_is_a_use_of_the_secret(
    oauth: OAuth, api: API, alice: User, service: Service
) -> None:
    exchanged(oauth, service, api.login(alice)["access"], audience=PAYMENTS)
    service.row.refresh_from_db()
    assert service.row.last_used_at is not None


@pytest.mark.spec("RFC 8693", "2.1")
def test_resource_names_the_audience_as_well(
    oauth: OAuth, api: API, alice: User, service: Service
) -> None:
    pair = api.login(alice)
    assert exchanged(oauth, service, pair["access"], resource=PAYMENTS)["aud"] == PAYMENTS


@pytest.mark.trap(75)
def test_the_new_token_lives_no_longer_than_the_original(
    oauth: OAuth, api: API, alice: User, service: Service, clock: Clock
) -> None:
    pair = api.login(alice)
    clock.forward(minutes=4)
    token = exchanged(oauth, service, pair["access"], audience=PAYMENTS)
    assert token["exp"] == AccessToken(pair["access"])["exp"]


@pytest.mark.trap(75)
def test_the_new_token_ends_with_the_session(
    oauth: OAuth, api: API, alice: User, service: Service
) -> None:
    pair = api.login(alice)
    token = exchanged(oauth, service, pair["access"], audience=PAYMENTS)
    assert verify_access_token(str(token.token)).jti == token.jti
    api.post("logout/", {"refresh": pair["refresh"]})
    with pytest.raises(TokenRefusedError):
        verify_access_token(str(token.token))


@pytest.mark.trap(75)
@pytest.mark.spec("RFC 8693", "2.1")
def test_the_scope_is_a_subset_of_the_original(
    oauth: OAuth, api: API, alice: User, service: Service
) -> None:
    pair = limited(api, alice, scope="orders:read stock")
    token = exchanged(oauth, service, pair["access"], audience=PAYMENTS, scope="stock")
    assert token["scope"] == "stock"
    wider = exchange(oauth, service, pair["access"], audience=PAYMENTS, scope="orders:write")
    assert (wider.status_code, wider.json()["error"]) == (400, "invalid_scope")


def test_without_scope_the_new_token_has_that_of_the_original(
    oauth: OAuth, api: API, alice: User, service: Service
) -> None:
    pair = limited(api, alice, scope="orders:read")
    assert exchanged(oauth, service, pair["access"], audience=PAYMENTS)["scope"] == "orders:read"


def test_a_token_without_scope_is_exchanged_for_one_without(
    oauth: OAuth, api: API, alice: User, service: Service, *, settings: Settings
) -> None:
    settings.TOKENS = {**settings.TOKENS, "SCOPES": {}}
    token = exchanged(oauth, service, api.login(alice)["access"], audience=PAYMENTS)
    assert "scope" not in token.payload


def test_an_exchange_without_scopes_drops_those_it_had(
    api: API, alice: User, service: Service
) -> None:
    subject = AccessToken(limited(api, alice, scope="orders:read")["access"])
    actor, signer = service.row.session, keyring.current().signer
    token = subject.exchanged(actor, service.client_id, signer, scope="", audience=PAYMENTS)
    assert "scope" not in token.payload


@pytest.mark.spec("RFC 8693", "4.1")
def test_a_chain_of_services_is_recorded(
    oauth: OAuth, api: API, alice: User, service: Service
) -> None:
    second = create_service("payments", audience=SITE)
    first = exchanged(oauth, service, api.login(alice)["access"], audience=PAYMENTS)
    token = exchanged(oauth, second, str(first.token), audience=SITE)
    assert token["act"] == {"sub": second.client_id, "act": {"sub": service.client_id}}


REFUSED = {
    "no audience": ({}, "invalid_target"),
    "an audience that the account does not have": (
        {"audience": "https://x.example"},
        "invalid_target",
    ),
    "two audiences": ({"audience": PAYMENTS, "resource": SITE}, "invalid_target"),
    "another type of subject": (
        {"audience": PAYMENTS, "subject_token_type": "urn:ietf:params:oauth:token-type:jwt"},
        "invalid_request",
    ),
    "no type of subject": ({"audience": PAYMENTS, "subject_token_type": ""}, "invalid_request"),
    "another type of answer": (
        {
            "audience": PAYMENTS,
            "requested_token_type": "urn:ietf:params:oauth:token-type:refresh_token",
        },
        "invalid_request",
    ),
    "an actor token": ({"audience": PAYMENTS, "actor_token": "x"}, "invalid_request"),
    "a foreign subject": ({"audience": PAYMENTS, "subject_token": "x.y.z"}, "invalid_request"),
}


@pytest.mark.spec("RFC 8693", "2.2.2")
@pytest.mark.parametrize(("form", "error"), REFUSED.values(), ids=REFUSED)
def test_another_request_is_refused(
    oauth: OAuth, api: API, alice: User, service: Service, *, form: dict[str, str], error: str
) -> None:
    answer = exchange(oauth, service, api.login(alice)["access"], **form)
    assert (answer.status_code, answer.json()["error"]) == (400, error)


def test_a_request_without_an_audience_is_told_to_send_one(
    oauth: OAuth, api: API, alice: User, service: Service
) -> None:
    answer = exchange(oauth, service, api.login(alice)["access"], audience="")
    description = "Send the audience of the new token, or its resource."
    assert answer.json() == {"error": "invalid_target", "error_description": description}


def test_a_service_without_the_audience_is_refused(oauth: OAuth, api: API, alice: User) -> None:
    other = create_service("other", audience=SITE)
    answer = exchange(oauth, other, api.login(alice)["access"], audience=PAYMENTS)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_target")


def test_an_account_that_lists_no_audience_exchanges_nothing(
    oauth: OAuth, api: API, alice: User
) -> None:
    """Guards exchange_audiences: the default audience is that of this site."""
    answer = exchange(oauth, create_service("other"), api.login(alice)["access"], audience=SITE)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_target")


@pytest.mark.trap(75)
@pytest.mark.parametrize("path", ["sessions/", "userinfo/"])
def test_a_service_that_acts_for_a_person_reads_no_account(
    oauth: OAuth, api: API, alice: User, service: Service, path: str
) -> None:
    """Guards `act` in IsPerson."""
    pair = api.login(alice)
    token = exchanged(oauth, service, pair["access"], audience=SITE)
    answer = api.get(path, bearer=str(token.token))
    detail = "This is for people. A service may not do it, even for a person."
    assert (answer.status_code, answer.json()["detail"]) == (403, detail)
    assert answer["WWW-Authenticate"] == "Bearer"
    assert api.post("logout/all/", bearer=str(token.token)).status_code == 403
    assert api.get(path, bearer=pair["access"]).status_code == 200


def test_a_token_of_a_service_is_not_exchanged(oauth: OAuth, service: Service) -> None:
    token = oauth.issued(service, grant_type="client_credentials")
    answer = exchange(oauth, service, str(token.token), audience=PAYMENTS)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_a_refresh_token_is_not_exchanged(
    oauth: OAuth, api: API, alice: User, service: Service
) -> None:
    answer = exchange(oauth, service, api.login(alice)["refresh"], audience=PAYMENTS)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_a_client_that_does_not_authenticate_is_refused(
    oauth: OAuth, api: API, alice: User, service: Service
) -> None:
    answer = oauth.token(
        grant_type=GRANT,
        subject_token=api.login(alice)["access"],
        subject_token_type=ACCESS,
        audience=PAYMENTS,
    )
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


@pytest.mark.trap(74, 75)
def test_disabling_the_service_ends_the_tokens_that_it_exchanged(
    oauth: OAuth, api: API, alice: User, service: Service
) -> None:
    """Guards actor_sids in verify_access_token and in verify_by_row."""
    token = str(exchanged(oauth, service, api.login(alice)["access"], audience=SITE).token)
    bearer = {"Authorization": f"Bearer {token}"}
    assert oauth.client.get("/api/example/", headers=bearer).status_code == 200
    assert verify_by_row(token)[1].actor_sids == (str(service.row.session.sid),)
    DeviceSession.objects.filter(pk=service.row.session_id).revoke(Reason.ADMIN)
    assert oauth.client.get("/api/example/", headers=bearer).status_code == 401
    for verify in (verify_access_token, verify_by_row):
        with pytest.raises(TokenRefusedError):
            verify(token)


def test_a_token_is_exchanged_five_times_at_most(
    oauth: OAuth, api: API, alice: User, service: Service
) -> None:
    token = api.login(alice)["access"]
    for _ in range(5):
        token = str(exchanged(oauth, service, token, audience=PAYMENTS).token)
    answer = exchange(oauth, service, token, audience=PAYMENTS)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_the_site_does_not_accept_a_token_for_another_service(
    oauth: OAuth, api: API, alice: User, service: Service
) -> None:
    token = exchanged(oauth, service, api.login(alice)["access"], audience=PAYMENTS)
    assert api.get("sessions/", bearer=str(token.token)).status_code == 401
    assert api.post("verify/", {"token": str(token.token)}).status_code == 401
