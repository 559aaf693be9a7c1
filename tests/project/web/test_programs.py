"""An ordinary call of the API skips the middleware of pages, and its answer is the same."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.security import SecurityMiddleware
from django.test import Client
from django.urls import path
from django.views.decorators.clickjacking import (
    xframe_options_exempt,
    xframe_options_sameorigin,
)
from pytest_django import Settings
from rest_framework.renderers import StaticHTMLRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.browser.middleware import PagesOnly, SessionMiddleware
from accounts.models import User
from project.web.errors import CommonMiddleware
from project.web.json import MAX_BODY_SIZE
from project.web.programs import MAX_HOST_LENGTH, MAX_HOSTS, ProgramMiddleware
from project.web.refusal import REFUSAL, RequestRefusal
from tests.conftest import API

pytestmark = pytest.mark.django_db

APP, CORS = "https://app.example.org", "corsheaders.middleware.CorsMiddleware"
ORDINARY = ["/api/account/me/", "/api/auth/csrf/", "/api/auth/refresh/", "/oauth/token"]
SKIPPED = (SecurityMiddleware, CommonMiddleware, PagesOnly)
ALL = [middleware.__name__ for middleware in SKIPPED]


@pytest.fixture
def passed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The skipped middleware that a request passes."""
    names = list[str]()
    for middleware in SKIPPED:
        monkeypatch.setattr(middleware, "__call__", noted(middleware, names))
    return names


def noted(middleware: Any, names: list[str]) -> Callable[[Any, HttpRequest], HttpResponse]:
    call = middleware.__call__

    def note(self: Any, request: HttpRequest) -> HttpResponse:
        if middleware.__name__ not in names:
            names.append(middleware.__name__)
        answer: HttpResponse = call(self, request)
        return answer

    return note


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("path", ORDINARY)
def test_a_call_of_the_api_skips_the_middleware_of_pages(
    passed: list[str], method: str, path: str
) -> None:
    """Guards their order in MIDDLEWARE: another one between them would end the part."""
    answer = Client().generic(method, path)
    assert answer.status_code in (200, 400, 401, 405, 415)
    assert passed == ([] if path.endswith("/") or method == "POST" else ALL)


@pytest.mark.parametrize("path", ["/", "/.well-known/jwks.json", "/healthz"])
def test_other_requests_pass_it(passed: list[str], path: str) -> None:
    assert Client().get(path).status_code == 200
    assert passed == ALL


@pytest.mark.parametrize(
    ("status", "environ"),
    [
        (400, {"HTTP_HOST": "elsewhere.example"}),
        (400, {"CONTENT_TYPE": "application/json; charset=utf-16"}),
        (411, {"HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": ""}),
        (413, {"CONTENT_LENGTH": str(MAX_BODY_SIZE + 1)}),
        (503, {REFUSAL: RequestRefusal(503, "busy", "The server is busy. Try again.")}),
    ],
)
def test_a_request_that_is_refused_passes_it(
    passed: list[str], status: int, environ: dict[str, Any]
) -> None:
    answer = Client().post("/api/auth/refresh/", b"{}", "application/json", **environ)
    assert answer.status_code == status
    assert passed[:2] == ALL[:2]


@pytest.mark.spec("ASVS 5.0", "3.4.1", "4.1.2")
def test_a_call_over_http_is_refused_before_a_view_reads_it(
    api: API, alice: User, settings: Settings
) -> None:
    token = api.login(alice)["access"]
    settings.SECURE_SSL_REDIRECT, settings.SECURE_HSTS_SECONDS = True, 60
    headers = {"Authorization": f"Bearer {token}"}
    plain = Client().get("/api/account/me/", headers=headers)
    assert (plain.status_code, plain.json()["code"]) == (403, "https_required")
    secure = Client().get("/api/account/me/", headers=headers, secure=True)
    assert (secure.status_code, secure["Strict-Transport-Security"]) == (200, "max-age=60")


def test_each_host_is_checked(client: Client, settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["one.example", ".two.example"]
    for host, status in [
        ("one.example", 401),
        ("ONE.example:8000", 401),
        ("app.two.example", 401),
        ("three.example", 400),
        ("one.example.evil.example", 400),
        ("one.example/", 400),
        ("one.example", 401),
    ]:
        answer = client.get("/api/account/me/", headers={"Host": host})
        assert answer.status_code == status, host


def test_remembers_a_limited_number_of_hosts(settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    middleware = ProgramMiddleware(lambda request: HttpResponse("{}"))
    for number in range(MAX_HOSTS + 10):
        request = HttpRequest()
        request.path_info = "/api/account/me/"
        request.META["HTTP_HOST"] = f"{number}.example"
        assert middleware(request).status_code == 200
    assert len(middleware.hosts) == MAX_HOSTS


def test_remembers_no_long_host(settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["localhost"]
    middleware = ProgramMiddleware(lambda request: HttpResponse("{}"))
    for host, known in [("localhost", True), (f"localhost:{'0' * MAX_HOST_LENGTH}", False)]:
        request = HttpRequest()
        request.META["HTTP_HOST"] = host
        assert middleware.knows_host(request)
        assert (host in middleware.hosts) == known


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [
        ("USE_X_FORWARDED_HOST", True, 400),
        ("PREPEND_WWW", True, 301),
        ("DISALLOWED_USER_AGENTS", [re.compile("^Robot")], 403),
    ],
)
def test_a_setting_of_django_that_adds_a_check_is_kept(
    settings: Settings, name: str, value: Any, status: int
) -> None:
    setattr(settings, name, value)
    headers = {"X-Forwarded-Host": "elsewhere.example", "User-Agent": "Robot/1"}
    answer = Client().get("/api/account/me/", headers=headers)
    assert answer.status_code == status


class Counting:
    """The middleware of a developer, which counts all requests."""

    count = 0

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        Counting.count += 1
        return self.get_response(request)


class CheckingMore(SecurityMiddleware):
    """A developer's own form of a middleware that is skipped."""

    def __call__(self, request: HttpRequest) -> Any:
        return HttpResponse("No.", status=418)


class IgnoringNothing(SessionMiddleware):
    """The same of a middleware for pages."""

    def __call__(self, request: HttpRequest) -> Any:
        return HttpResponse("No.", status=418)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("django.middleware.security.SecurityMiddleware", "CheckingMore"),
        ("accounts.browser.middleware.SessionMiddleware", "IgnoringNothing"),
    ],
)
def test_a_developers_own_form_of_a_middleware_is_never_skipped(
    settings: Settings, old: str, new: str
) -> None:
    chain = [f"{__name__}.{new}" if name == old else name for name in settings.MIDDLEWARE]
    settings.MIDDLEWARE = chain
    assert Client().get("/api/account/me/").status_code == 418


@pytest.mark.parametrize("place", range(15))
def test_a_middleware_of_a_developer_is_never_skipped(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, place: int
) -> None:
    monkeypatch.setattr(Counting, "count", 0)
    chain = [*settings.MIDDLEWARE]
    chain.insert(place, f"{__name__}.Counting")
    settings.MIDDLEWARE = chain
    answer = Client().get("/api/account/me/")
    assert (answer.status_code, Counting.count) == (401, 1)
    assert answer["X-Frame-Options"] == "DENY"


def test_a_missing_slash_is_added(client: Client) -> None:
    answer = client.get("/api/account/me")
    assert (answer.status_code, answer["Location"]) == (301, "/api/account/me/")
    assert client.post("/api/account/me").status_code == 404


def test_the_redirect_to_the_slash_can_be_followed_by_a_named_origin(settings: Settings) -> None:
    settings.CORS_ALLOWED_ORIGINS = [APP]
    chain = [*settings.MIDDLEWARE]
    chain.insert(chain.index("whitenoise.middleware.WhiteNoiseMiddleware"), CORS)
    settings.MIDDLEWARE = chain
    for asked, status in [("/api/account/me", 301), ("/api/account/me/", 401), ("/api/no/", 404)]:
        answer = Client().get(asked, headers={"Origin": APP})
        assert answer.status_code == status
        assert answer["Access-Control-Allow-Origin"] == APP
        assert "origin" in Client().get(asked)["Vary"]


class RenderedPage(APIView):
    """A page of Django REST framework."""

    renderer_classes = [StaticHTMLRenderer]
    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []

    def get(self, request: Request) -> Response:
        return Response(f"<script nonce='{vars(request._request)['csp_nonce']}'></script>")


class Urls:
    """Pages of a developer below /api/."""

    @staticmethod
    def page(request: HttpRequest) -> HttpResponse:
        nonce = str(vars(request)["csp_nonce"])
        return HttpResponse(f"<script nonce='{nonce}'></script>")

    @staticmethod
    def data(request: HttpRequest) -> HttpResponse:
        answer = JsonResponse({"nonce": str(vars(request)["csp_nonce"])})
        answer["Access-Control-Allow-Credentials"] = "true"
        return answer

    urlpatterns = [
        path("api/page/", login_not_required(page)),
        path("api/rendered/", RenderedPage.as_view()),
        path("oauth/data/", login_not_required(data)),
    ]


@pytest.mark.parametrize("name", ["page", "rendered"])
def test_a_page_below_api_has_a_script_nonce(settings: Settings, name: str) -> None:
    settings.ROOT_URLCONF = Urls
    answer = Client().get(f"/api/{name}/")
    (nonce,) = re.findall(r"nonce='(.{24})'", answer.content.decode())
    assert f"script-src 'self' 'nonce-{nonce}'" in answer["Content-Security-Policy"]


@pytest.mark.parametrize("decorate", [xframe_options_exempt, xframe_options_sameorigin])
def test_a_marked_answer_may_be_framed(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, decorate: Any
) -> None:
    view = login_not_required(decorate(lambda request: HttpResponse(b"%PDF", "application/pdf")))
    monkeypatch.setattr(Urls, "urlpatterns", [path("api/file/", view)])
    settings.ROOT_URLCONF = Urls
    expected = None if decorate is xframe_options_exempt else "SAMEORIGIN"
    assert Client().get("/api/file/").headers.get("X-Frame-Options") == expected


def test_no_answer_of_oauth_allows_credentials(settings: Settings) -> None:
    settings.ROOT_URLCONF = Urls
    answer = Client().get("/oauth/data/")
    assert len(answer.json()["nonce"]) == 24
    assert "Access-Control-Allow-Credentials" not in answer


def test_a_page_below_api_has_the_policy_of_pages(client: Client) -> None:
    answer = client.get("/api/docs/")
    assert "script-src 'self'" in answer["Content-Security-Policy"]
    assert answer["X-Frame-Options"] == "DENY"
