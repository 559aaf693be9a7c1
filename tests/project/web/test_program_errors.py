"""Programs receive JSON where Django alone would answer with a page, or with nothing."""

from typing import Any

import pytest
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import BadRequest, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.test import Client
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from pytest_django import Settings

from tests.conftest import Answer

pytestmark = pytest.mark.django_db

JSON = "application/json"
ERRORS = {
    "missing": Http404(),
    "bad": BadRequest(),
    "suspicious": SuspiciousOperation(),
    "wrong": ZeroDivisionError(),
}
DOCUMENTS = [
    *("/.well-known/jwks.json", "/.well-known/oauth-authorization-server"),
    *("/.well-known/status/0", "/healthz", "/readyz", "/api/schema/", "/api/docs/"),
]


def send(method: str, path: str, **headers: str) -> Answer:
    answer: Answer = Client().generic(method, path, headers=headers)
    return answer


def is_refused(answer: Answer, status: int, code: str) -> None:
    assert (answer.status_code, answer["Content-Type"]) == (status, JSON)
    assert answer.json().keys() == {"detail", "code"}
    assert answer.json()["code"] == code
    assert answer["Content-Length"] == str(len(answer.content))
    assert answer["Content-Security-Policy"].startswith("default-src 'none'")
    assert answer["Cache-Control"] == "no-store"


@pytest.mark.parametrize("method", ["POST", "OPTIONS", "PUT", "DELETE"])
@pytest.mark.parametrize("path", DOCUMENTS)
def test_another_method_of_a_document_is_405_in_json(path: str, method: str) -> None:
    answer = send(method, path)
    is_refused(answer, 405, "method_not_allowed")
    assert answer["Allow"] == "GET, HEAD"
    assert answer.json()["detail"] == f'Method "{method}" not allowed.'


def test_another_method_of_the_metrics_is_405_in_json() -> None:
    is_refused(send("OPTIONS", "/metrics"), 405, "method_not_allowed")


def test_another_method_of_a_page_has_no_json() -> None:
    answer = send("OPTIONS", "/clients/latchkey.js")
    assert (answer.status_code, answer.content) == (405, b"")


class Urls:
    """Views of a developer."""

    @staticmethod
    def own(request: HttpRequest) -> Any:
        return HttpResponseNotAllowed(["GET"], "<p>Only GET.</p>")

    @staticmethod
    def form(request: HttpRequest) -> Any:
        return HttpResponse("<p>A field is missing.</p>", status=400)

    @staticmethod
    def fails(request: HttpRequest, reason: str) -> Any:
        raise ERRORS[reason]

    urlpatterns = [
        path("api/own/", csrf_exempt(login_not_required(own))),
        path("api/form/", login_not_required(form)),
        path("api/fails/<str:reason>/", login_not_required(fails)),
    ]


def test_a_405_with_a_text_of_its_own_stays(settings: Settings) -> None:
    settings.ROOT_URLCONF = Urls
    answer = send("POST", "/api/own/")
    assert (answer.status_code, answer.content) == (405, b"<p>Only GET.</p>")


@pytest.mark.trap(58)
@pytest.mark.parametrize("accept", [JSON, "text/html", "*/*"])
@pytest.mark.parametrize("path", ["/api/auth/nowhere/", "/.well-known/nothing"])
def test_with_debug_an_unknown_url_is_404_in_json(
    settings: Settings, path: str, accept: str
) -> None:
    settings.DEBUG = True
    is_refused(send("GET", path, Accept=accept), 404, "not_found")


def test_with_debug_an_unknown_url_of_oauth_has_its_error_form(settings: Settings) -> None:
    settings.DEBUG = True
    answer = send("POST", "/oauth/token/")
    assert (answer.status_code, answer.json()["error"]) == (404, "invalid_request")


@pytest.mark.parametrize("accept", [JSON, "text/html", "*/*"])
@pytest.mark.parametrize("path", ["/api/auth/csrf/", "/.well-known/jwks.json"])
def test_with_debug_an_unknown_host_is_400_in_json(
    settings: Settings, path: str, accept: str
) -> None:
    settings.DEBUG = True
    answer = send("GET", path, Accept=accept, Host="elsewhere.example")
    is_refused(answer, 400, "bad_request")


@pytest.mark.parametrize("accept", [JSON, "text/html"])
@pytest.mark.parametrize(
    ("reason", "status"), [("missing", 404), ("bad", 400), ("suspicious", 400)]
)
def test_with_debug_an_error_of_a_view_is_json(
    settings: Settings, reason: str, status: int, accept: str
) -> None:
    settings.DEBUG, settings.ROOT_URLCONF = True, Urls
    code = "not_found" if status == 404 else "bad_request"
    is_refused(send("GET", f"/api/fails/{reason}/", Accept=accept), status, code)


def test_with_debug_a_refusal_keeps_its_sentence(settings: Settings) -> None:
    settings.DEBUG = True
    answer = Client().generic("POST", "/api/auth/csrf/", b"{}", "text/plain; charset=utf-16")
    is_refused(answer, 400, "bad_request")
    assert answer.json()["detail"] == "Send the form in UTF-8."


def test_with_debug_developers_see_their_own_errors(settings: Settings) -> None:
    settings.DEBUG = True
    assert "DEBUG = True" in send("GET", "/nowhere/").text
    settings.ROOT_URLCONF = Urls
    assert send("GET", "/api/form/").content == b"<p>A field is missing.</p>"
    client = Client(raise_request_exception=False)
    assert "ZeroDivisionError" in client.get("/api/fails/wrong/").text


@pytest.mark.spec("ASVS 5.0", "4.1.2")
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE", "OPTIONS", "BREW"])
@pytest.mark.parametrize("path", ["/api/auth/login/", "/api/auth/login", "/api/nowhere/"])
def test_a_call_over_http_is_refused_and_not_redirected(
    settings: Settings, path: str, method: str
) -> None:
    settings.SECURE_SSL_REDIRECT = True
    answer = send(method, path)
    assert "Location" not in answer
    assert answer["Cache-Control"] == "no-store"
    assert answer.status_code == 403
    if method != "HEAD":
        assert answer.json() == {
            "detail": "Use https. Everything that this request contains was sent unencrypted.",
            "code": "https_required",
        }


@pytest.mark.spec("ASVS 5.0", "4.1.2")
def test_a_call_of_oauth_over_http_is_refused_in_its_error_form(settings: Settings) -> None:
    settings.SECURE_SSL_REDIRECT = True
    answer = send("POST", "/oauth/token")
    assert (answer.status_code, answer.json()["error"]) == (403, "invalid_request")
    assert answer.json()["error_description"].startswith("Use https.")


@pytest.mark.parametrize("path", ["/", "/nowhere/", "/.well-known/jwks.json"])
def test_pages_and_public_documents_are_redirected_to_https(settings: Settings, path: str) -> None:
    settings.SECURE_SSL_REDIRECT = True
    answer = send("GET", path)
    assert (answer.status_code, answer["Location"]) == (301, f"https://testserver{path}")


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_probes_are_answered_over_http(settings: Settings, path: str) -> None:
    settings.SECURE_SSL_REDIRECT = True
    assert send("GET", path).status_code == 200


def test_an_address_without_https_by_setting_is_answered(settings: Settings) -> None:
    settings.SECURE_SSL_REDIRECT, settings.SECURE_REDIRECT_EXEMPT = True, ["^api/auth/csrf/$"]
    assert send("GET", "/api/auth/csrf/").status_code == 200
    assert send("GET", "/api/auth/sessions/").status_code == 403


def test_a_call_over_http_to_an_unknown_host_is_400(settings: Settings) -> None:
    settings.SECURE_SSL_REDIRECT = True
    answer = send("GET", "/api/auth/csrf/", Host="elsewhere.example")
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")
