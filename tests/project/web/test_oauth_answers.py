"""The OAuth endpoints are part of the API: JSON errors, small bodies, no session and no page."""

import gzip

import pytest
from django.test import Client
from pytest_django import Settings

from project.serving.gateway import BUSY, TOO_SLOW
from project.web.refusal import REFUSAL
from tests.conftest import Answer
from tests.project.conftest import Outage
from tests.project.web.test_cors import APP, STRANGERS
from tests.tokens.oauth.conftest import create_service

pytestmark = pytest.mark.django_db(transaction=True)

FORM = "application/x-www-form-urlencoded"


def is_oauth_error(answer: Answer, status: int, error: str) -> None:
    assert answer.status_code == status
    assert answer["Content-Type"] == "application/json"
    assert answer["Cache-Control"] == "no-store"
    body = answer.json()
    assert body.keys() == {"error", "error_description"}
    assert body["error"] == error
    assert not answer.cookies


@pytest.mark.spec("RFC 6749", "5.2")
@pytest.mark.parametrize("path", ["/oauth/", "/oauth/authorize", "/oauth/token/"])
def test_nothing_there_is_an_oauth_error(path: str) -> None:
    is_oauth_error(Client().post(path, "", FORM), 404, "invalid_request")


def test_a_large_body_is_refused_before_it_is_read() -> None:
    answer = Client().post("/oauth/token", f"token={'x' * 70_000}", FORM)
    is_oauth_error(answer, 413, "invalid_request")


def test_a_body_of_unknown_length_is_refused() -> None:
    chunked = Client(headers={"Transfer-Encoding": "chunked"})
    answer = chunked.generic("POST", "/oauth/token", "a=b", FORM, CONTENT_LENGTH="")
    is_oauth_error(answer, 411, "invalid_request")


@pytest.mark.spec("RFC 9110", "12.5.3", "15.5.16")
def test_a_compressed_form_is_refused() -> None:
    body = gzip.compress(b"grant_type=client_credentials")
    answer = Client(headers={"Content-Encoding": "gzip"}).generic(
        "POST", "/oauth/token", body, FORM
    )
    is_oauth_error(answer, 415, "invalid_request")
    assert answer["Accept-Encoding"] == "identity"


def test_refusals_of_the_gateway_are_oauth_errors() -> None:
    for refusal, error in ((BUSY, "temporarily_unavailable"), (TOO_SLOW, "invalid_request")):
        answer = Client().generic("POST", "/oauth/token", "", FORM, **{REFUSAL: refusal})  # type: ignore[arg-type]  # extra variables can have any type
        is_oauth_error(answer, refusal.status, error)
        assert ("Retry-After" in answer) is (refusal.status == 503)


@pytest.mark.parametrize("path", ["token", "introspect", "revoke"])
def test_without_the_database_a_client_is_told_to_come_again(outage: Outage, path: str) -> None:
    form = f"token=x&grant_type=client_credentials&client_id=x&client_secret=latchkey_{'0' * 32}"
    with outage():
        answer = Client().post(f"/oauth/{path}", f"{form}2wjyrI", FORM)
    if path == "revoke":  # It asks nothing about a text that is not a token.
        assert answer.status_code == 200
        return
    is_oauth_error(answer, 503, "temporarily_unavailable")
    assert int(answer["Retry-After"]) > 0


def test_an_unexpected_error_is_an_oauth_error(settings: Settings) -> None:
    settings.TOKENS = {**settings.TOKENS, "CLAIMS": "builtins.int"}  # which takes no user
    service = create_service()
    form = f"grant_type=client_credentials&client_id={service.client_id}"
    client = Client(raise_request_exception=False)
    answer = client.post("/oauth/token", f"{form}&client_secret={service.secret}", FORM)
    is_oauth_error(answer, 500, "server_error")


def test_a_form_of_a_page_needs_no_csrf_token_and_gets_no_session() -> None:
    """No cookie authenticates a request here, so another site gains nothing by sending one."""
    strict = Client(enforce_csrf_checks=True)
    strict.cookies["sessionid"] = "x" * 32
    answer = strict.post("/oauth/token", "grant_type=password", FORM)
    is_oauth_error(answer, 400, "unsupported_grant_type")
    assert "Cookie" not in answer.get("Vary", "")


@pytest.fixture
def allowed(settings: Settings) -> None:
    settings.CORS_ALLOWED_ORIGINS = [APP]
    middleware = [*settings.MIDDLEWARE]
    middleware.insert(7, "corsheaders.middleware.CorsMiddleware")
    settings.MIDDLEWARE = middleware


@pytest.mark.spec("ASVS 5.0", "3.4.2")
@pytest.mark.usefixtures("allowed")
def test_pages_of_allowed_origins_call_the_endpoints_without_cookies() -> None:
    asked = {"Origin": APP, "Access-Control-Request-Method": "POST"}
    for answer in (
        Client().options("/oauth/token", headers=asked),
        Client().post("/oauth/token", "", FORM, headers={"Origin": APP}),
    ):
        assert answer["access-control-allow-origin"] == APP
        assert "access-control-allow-credentials" not in answer
        assert "origin" in answer["Vary"]


@pytest.mark.spec("ASVS 5.0", "3.4.2")
@pytest.mark.usefixtures("allowed")
@pytest.mark.parametrize("origin", STRANGERS)
def test_pages_of_other_origins_read_no_answer(origin: str) -> None:
    answer = Client().post("/oauth/token", "", FORM, headers={"Origin": origin})
    assert not [name for name in answer.headers if name.startswith("access-control-")]
