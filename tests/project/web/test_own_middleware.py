"""A developer's middleware at the end of MIDDLEWARE can read `request.user` in every request."""

from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.http import HttpRequest, HttpResponse
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from accounts.models import User
from project.web.json import MAX_BODY_SIZE
from project.web.refusal import REFUSAL, RequestRefusal
from tests.conftest import API

pytestmark = pytest.mark.django_db(transaction=True)

PATHS = {
    "/": 200,
    "/accounts/devices/": 302,
    "/healthz": 200,
    "/nothing/": 404,
    "/api": 404,
    "/oauth": 404,
    "/.well-known": 404,
    "/api/": 404,
    "/api/account/me/": 401,
    "/api/auth/csrf/": 200,
    "/api/auth/login/": 405,
    "/api/nothing/": 404,
    "/api/schema/": 200,
    "/oauth/": 404,
    "/oauth/token": 405,
    "/oauth/nothing": 404,
    "/.well-known/": 404,
    "/.well-known/jwks.json": 200,
    "/.well-known/nothing": 404,
    "/.well-known/oauth-authorization-server": 200,
    "/.well-known/status/0": 200,
    "/.well-known/status/9999999": 404,
}
PROGRAMS = [path for path in PATHS if path.startswith(("/oauth/", "/.well-known/"))]
#: Why a request is refused, with the status and the variables of the environ.
REFUSED: dict[str, tuple[int, dict[str, Any]]] = {
    "another host": (400, {"HTTP_HOST": "elsewhere.example"}),
    "another charset": (400, {"CONTENT_TYPE": "text/plain; charset=utf-16"}),
    "an unknown length": (411, {"HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": ""}),
    "a large body": (413, {"CONTENT_LENGTH": str(10_000 * MAX_BODY_SIZE)}),
    "a busy server": (503, {REFUSAL: RequestRefusal(503, "busy", "The server is busy.")}),
}


class Greeting:
    """The middleware of a developer, which reads the user before and after the view."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        users = [request.user.is_authenticated, async_to_sync(request.auser)().is_authenticated]
        response = self.get_response(request)
        response["X-Users"] = str([*users, request.user.is_authenticated])
        return response


@pytest.fixture(autouse=True)
def appended(settings: Settings) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{__name__}.Greeting"]


@pytest.mark.parametrize(("path", "status"), PATHS.items(), ids=PATHS)
def test_every_request_has_a_user(api: API, alice: User, path: str, status: int) -> None:
    api.login(alice)  # The status list exists since the first session.
    answer = Client().get(path)
    assert answer.status_code == status
    assert answer["X-Users"] == "[False, False, False]"


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["HEAD", "POST", "DELETE", "OPTIONS", "TRACE", "BREW"])
def test_a_request_with_another_method_has_a_user(path: str, method: str) -> None:
    answer = Client().generic(method, path)
    assert answer.status_code < 500
    assert answer["X-Users"] == "[False, False, False]"


@pytest.mark.parametrize("path", ["/nothing/", "/api/nothing/", *PROGRAMS])
@pytest.mark.parametrize(("status", "environ"), REFUSED.values(), ids=REFUSED)
def test_a_refused_request_keeps_its_answer(
    path: str, status: int, environ: dict[str, Any]
) -> None:
    assert Client().post(path, b"", "text/plain", **environ).status_code == status


@pytest.mark.parametrize("path", PROGRAMS)
def test_the_user_of_a_program_is_anonymous_without_a_query(
    api: API, alice: User, path: str, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    """A browser sends its cookies there too, and they authenticate nothing."""
    client = Client(headers={"Authorization": f"Bearer {api.login(alice)['access']}"})
    client.force_login(alice)
    client.get(path)
    with django_assert_num_queries(0):
        answer = client.get(path)
    assert answer["X-Users"] == "[False, False, False]"


def test_calls_of_the_api_and_pages_have_their_own_user(api: API, alice: User) -> None:
    headers = {"Authorization": f"Bearer {api.login(alice)['access']}"}
    assert Client().get("/api/example/", headers=headers)["X-Users"] == "[True, True, True]"
    client = Client()
    client.force_login(alice)
    assert client.get("/accounts/devices/")["X-Users"] == "[True, True, True]"
