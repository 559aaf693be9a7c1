"""A refresh token belongs to the client that received it (RFC 6749, sections 3.2.1 and 6)."""

from typing import Any

import pytest
from pytest_django import Settings

from accounts.models import User
from tests.conftest import API, Answer, allow, row
from tests.tokens.oauth.conftest import UNKNOWN_SECRET, OAuth, Service, basic

pytestmark = pytest.mark.django_db(transaction=True)


def is_invalid_client(answer: Answer) -> None:
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert answer["WWW-Authenticate"].startswith("Basic")


def refresh(oauth: OAuth, pair: dict[str, Any], header: str | None = None, **form: str) -> Answer:
    headers = {} if header is None else {"Authorization": header}
    whole = {"grant_type": "refresh_token", "refresh_token": pair["refresh"], **form}
    return oauth.post("token", whole, **headers)


#: The id and secret of a client. {id} is a service account's.
WRONG = {
    "a malformed secret": ("{id}", "wrong"),
    "an unknown secret": ("{id}", UNKNOWN_SECRET),
    "an unknown client": ("nobody", UNKNOWN_SECRET),
    "a secret of the public client": ("latchkey", UNKNOWN_SECRET),
    "a secret without an id": ("", UNKNOWN_SECRET),
}


@pytest.mark.spec("RFC 6749", "5.2", "6")
@pytest.mark.parametrize("by_header", [True, False], ids=["Basic", "form"])
@pytest.mark.parametrize(("client_id", "secret"), WRONG.values(), ids=WRONG)
def test_wrong_credentials_are_invalid_client(
    oauth: OAuth,
    api: API,
    alice: User,
    service: Service,
    *,
    client_id: str,
    secret: str,
    by_header: bool,
) -> None:
    pair, client_id = api.login(alice), client_id.format(id=service.client_id)
    header = basic(client_id, secret) if by_header else None
    form = {} if by_header else {"client_id": client_id, "client_secret": secret}
    is_invalid_client(refresh(oauth, pair, header, **form))
    assert row(pair).generation == 1


@pytest.mark.spec("RFC 6749", "5.2", "6")
@pytest.mark.parametrize(
    "header",
    [
        *("Basic", "Basic !", "Basic YQ==", "Basic /w==", basic("nobody", "")),
        "Basic bGF0Y2hrZXk=",  # the public client, without a colon
        basic("latchkey", "").replace("Basic ", "Basic !"),
    ],
)
def test_an_unreadable_or_unknown_header_is_invalid_client(
    oauth: OAuth, api: API, alice: User, header: str
) -> None:
    pair = api.login(alice)
    is_invalid_client(refresh(oauth, pair, header))
    assert row(pair).generation == 1


@pytest.mark.spec("RFC 6749", "6")
def test_another_client_without_a_secret_spends_no_token(
    oauth: OAuth, api: API, alice: User
) -> None:
    pair = api.login(alice)
    answer = refresh(oauth, pair, client_id="nobody")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert "another client" in answer.json()["error_description"]
    assert row(pair).generation == 1
    assert refresh(oauth, pair).status_code == 200


@pytest.mark.parametrize("by_header", [True, False], ids=["Basic", "form"])
def test_a_service_account_may_refresh_for_a_person(
    oauth: OAuth, api: API, alice: User, service: Service, *, by_header: bool
) -> None:
    """The person's client has no secret, so the token proves as much with one as without."""
    pair = api.login(alice)
    header = basic(service.client_id, service.secret) if by_header else None
    form = {} if by_header else service.credentials
    assert refresh(oauth, pair, header, **form).status_code == 200
    assert row(pair).generation == 2


@pytest.mark.spec("RFC 6749", "2.3.1", "6")
@pytest.mark.parametrize(
    ("header", "form"),
    [
        pytest.param(None, {}, id="none"),
        pytest.param(None, {"client_id": "latchkey"}, id="in the form"),
        pytest.param(None, {"client_id": "latchkey", "client_secret": ""}, id="an empty secret"),
        pytest.param(basic("latchkey", ""), {}, id="Basic with an empty secret"),
        pytest.param("Bearer expired", {}, id="an access token"),
    ],
)
def test_the_client_of_the_token_needs_no_secret(
    oauth: OAuth, api: API, alice: User, *, header: str | None, form: dict[str, str]
) -> None:
    pair = api.login(alice)
    assert refresh(oauth, pair, header, **form).status_code == 200
    assert row(pair).generation == 2


def test_the_client_of_the_token_is_that_of_the_settings(
    oauth: OAuth, api: API, alice: User, settings: Settings
) -> None:
    settings.TOKENS = {**settings.TOKENS, "CLIENT_ID": "shop"}
    pair = api.login(alice)
    assert refresh(oauth, pair, client_id="latchkey").json()["error"] == "invalid_grant"
    assert refresh(oauth, pair, client_id="shop").status_code == 200


@pytest.mark.spec("RFC 6749", "2.3")
def test_two_ways_to_authenticate_are_refused(
    oauth: OAuth, api: API, alice: User, service: Service
) -> None:
    pair = api.login(alice)
    header = basic(service.client_id, service.secret)
    for form in (service.credentials, {"client_id": "latchkey"}):
        answer = refresh(oauth, pair, header, **form)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert row(pair).generation == 1


def test_a_reused_token_of_another_client_revokes_nothing(
    oauth: OAuth, api: API, alice: User
) -> None:
    pair = api.login(alice)
    api.rotated(api.rotated(pair["refresh"])["refresh"])
    assert refresh(oauth, pair, client_id="nobody").json()["error"] == "invalid_grant"
    assert row(pair).revoked_at is None


@pytest.mark.usefixtures("fresh_counters")
def test_wrong_secrets_are_counted_like_those_of_other_grants(
    oauth: OAuth, api: API, alice: User, service: Service, settings: Settings
) -> None:
    allow(settings, failed_client="2 per minute")
    pair = api.login(alice)
    bad = {"client_id": service.client_id, "client_secret": "wrong"}
    assert [refresh(oauth, pair, **bad).status_code for _ in range(3)] == [401, 401, 429]
    form = {"grant_type": "client_credentials", **bad}
    assert oauth.post("token", form).status_code == 429
    assert refresh(oauth, pair).status_code == 200
