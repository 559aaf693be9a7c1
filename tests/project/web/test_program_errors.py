"""Programs receive JSON where Django alone would answer with a page, or with nothing."""

from typing import Any

import pytest
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponseNotAllowed
from django.test import Client
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from pytest_django import Settings

from tests.conftest import Answer

pytestmark = pytest.mark.django_db

JSON = "application/json"
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
    """A view of a developer that describes the refusal itself."""

    @staticmethod
    def view(request: HttpRequest) -> Any:
        return HttpResponseNotAllowed(["GET"], "<p>Only GET.</p>")

    urlpatterns = [path("api/own/", csrf_exempt(login_not_required(view)))]


def test_a_405_with_a_text_of_its_own_stays(settings: Settings) -> None:
    settings.ROOT_URLCONF = Urls
    answer = send("POST", "/api/own/")
    assert (answer.status_code, answer.content) == (405, b"<p>Only GET.</p>")
