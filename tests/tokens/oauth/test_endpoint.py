"""What all OAuth endpoints share: forms, errors and headers."""

import pytest
from pytest_django import Settings

from tests.conftest import allow
from tests.tokens.oauth.conftest import OAuth, Service
from tokens.errors import AlreadyRotatedError, SessionBusyError, TokenDomainError
from tokens.oauth.errors import from_domain

pytestmark = pytest.mark.django_db(transaction=True)

PATHS = ("token", "revoke", "introspect")


@pytest.mark.trap(69)
@pytest.mark.spec("RFC 6749", "3.2", "5.1")
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "content_type",
    ["application/json", "text/plain", "multipart/form-data", "*/*", "application/*"],
)
def test_another_media_type_than_a_form_is_415(oauth: OAuth, path: str, content_type: str) -> None:
    answer = oauth.client.post(f"/oauth/{path}", b"{}", content_type=content_type)
    assert answer.status_code == 415
    assert answer.json()["error"] == "invalid_request"
    assert answer["Cache-Control"] == "no-store"


@pytest.mark.spec("RFC 6749", "3.2")
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["get", "put", "delete", "patch", "options"])
def test_only_post_is_answered(oauth: OAuth, path: str, method: str) -> None:
    answer = getattr(oauth.client, method)(f"/oauth/{path}")
    assert answer.status_code == 405
    assert answer["Allow"] == "POST"


@pytest.mark.spec("RFC 6749", "3.2")
def test_a_parameter_that_is_sent_twice_is_refused(oauth: OAuth) -> None:
    answer = oauth.post("token", "grant_type=refresh_token&grant_type=password")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_a_form_with_too_many_parameters_is_refused(
    oauth: OAuth, caplog: pytest.LogCaptureFixture
) -> None:
    answer = oauth.post("token", "&".join(f"a{number}" for number in range(1001)))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


@pytest.mark.spec("RFC 6749", "5.2")
def test_a_description_contains_no_forbidden_character(oauth: OAuth) -> None:
    answer = oauth.post("token", "%22%5C%C3%A9=1&%22%5C%C3%A9=2")
    description = answer.json()["error_description"]
    assert description == "The parameter ??? is sent more than once."


@pytest.mark.spec("RFC 8707", "2")
def test_a_token_has_one_audience(oauth: OAuth) -> None:
    answer = oauth.post("token", "grant_type=client_credentials&resource=a&resource=b")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_target")


@pytest.mark.spec("RFC 6749", "3.2", "5.2")
@pytest.mark.parametrize(
    ("form", "error"),
    [
        pytest.param("", "invalid_request", id="empty"),
        pytest.param("grant_type=", "invalid_request", id="no value"),
        pytest.param("grant_type=password", "unsupported_grant_type", id="password"),
        pytest.param("grant_type=authorization_code", "unsupported_grant_type", id="code"),
        pytest.param("grant_type=%00", "unsupported_grant_type", id="NUL"),
        pytest.param("grant_type=%ff", "unsupported_grant_type", id="not UTF-8"),
        pytest.param("grant_type=refresh_token", "invalid_request", id="no refresh token"),
    ],
)
def test_a_request_without_a_known_grant_is_refused(oauth: OAuth, form: str, error: str) -> None:
    answer = oauth.post("token", form)
    assert (answer.status_code, answer.json()["error"]) == (400, error)
    assert set(answer.json()) == {"error", "error_description"}


@pytest.mark.usefixtures("fresh_counters")
def test_wrong_secrets_are_limited_by_network_and_right_ones_are_not(
    oauth: OAuth, service: Service, settings: Settings
) -> None:
    allow(settings, failed_client="2 per minute")
    form = {"grant_type": "client_credentials", **service.credentials}
    bad = {**form, "client_secret": "wrong"}
    assert [oauth.post("token", bad).status_code for _ in range(2)] == [401, 401]
    answer = oauth.post("token", bad)
    assert (answer.status_code, answer.json()["error"]) == (429, "temporarily_unavailable")
    assert int(answer["Retry-After"]) > 0
    assert oauth.post("token", form).status_code == 200


@pytest.mark.trap(67)
@pytest.mark.parametrize("error", [AlreadyRotatedError(), SessionBusyError()])
def test_a_condition_that_passes_is_never_invalid_grant(error: TokenDomainError) -> None:
    answer = from_domain(error)
    assert (answer.status, answer.error) == (503, "temporarily_unavailable")
    assert answer.headers == {"Retry-After": "1"}
