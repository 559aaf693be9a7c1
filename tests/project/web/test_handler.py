"""The WSGI handler remembers the views of fixed paths, and answers as Django's does."""

import json
import sys
from collections.abc import Callable
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest
from django.http import HttpRequest, HttpResponse, JsonResponse, parse_cookie
from django.urls import URLResolver, get_urlconf, path
from pytest_django import Settings

from project.web import handler as handlers
from project.web.handler import MAX_PATHS, Handler

pytestmark = pytest.mark.django_db


def show(request: HttpRequest, **values: Any) -> HttpResponse:
    assert request.resolver_match is not None
    return HttpResponse(f"{request.path} {values} {request.resolver_match.route}")


def other(request: HttpRequest) -> HttpResponse:
    return HttpResponse("other")


def cookies(request: HttpRequest) -> HttpResponse:
    return JsonResponse(request.COOKIES)


class Urls:
    urlpatterns = [
        path("api/fixed/", show),
        path("api/<int:number>/", show),
        path("api/extra/", show, {"number": 7}),
        path("api/cookies/", cookies),
        *(path(f"api/many/{number}/", show) for number in range(MAX_PATHS + 10)),
    ]


class OtherUrls:
    urlpatterns = [path("api/fixed/", other)]


class ChoosesUrls:
    """A middleware that gives a host its own addresses, as Django documents it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.META["HTTP_HOST"] == "localhost":
            vars(request)["urlconf"] = OtherUrls
        return self.get_response(request)


class AddsArguments:
    """A middleware that gives views an argument for some requests."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> None:
        if request.META["HTTP_HOST"] == "localhost":
            kwargs["tenant"] = "acme"


@pytest.fixture
def handler(settings: Settings) -> Handler:
    settings.ROOT_URLCONF = Urls
    settings.MIDDLEWARE = [f"{__name__}.ChoosesUrls"]
    return Handler()


@pytest.fixture
def resolved(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths that were looked for in the addresses."""
    paths = list[str]()
    resolve = URLResolver.resolve

    def note(self: URLResolver, path: str) -> Any:
        paths.append(path)
        return resolve(self, path)

    monkeypatch.setattr(URLResolver, "resolve", note)
    return paths


def ask(handler: Handler, path: str, host: str = "127.0.0.1", **variables: str) -> tuple[str, str]:
    """Return the status and the body of the answer."""
    environ: dict[str, Any] = {"PATH_INFO": path, "HTTP_HOST": host, **variables}
    setup_testing_defaults(environ)
    begun = list[str]()

    def start_response(status: str, headers: Any, exc_info: Any = None) -> Any:
        begun.append(status)

    response = handler(environ, start_response)
    body = b"".join(response).decode()
    response.close()
    return begun[0], body


def test_a_fixed_path_is_resolved_once(handler: Handler, resolved: list[str]) -> None:
    answers = {ask(handler, "/api/fixed/") for _ in range(3)}
    assert answers == {("200 OK", "/api/fixed/ {} api/fixed/")}
    assert resolved == ["/api/fixed/"]


@pytest.mark.parametrize("path", ["/api/1/", "/api/extra/"])
def test_a_path_with_arguments_is_resolved_each_time(
    handler: Handler, resolved: list[str], path: str
) -> None:
    number = 1 if path == "/api/1/" else 7
    for _ in range(2):
        status, body = ask(handler, path)
        assert (status, f"'number': {number}" in body) == ("200 OK", True)
    assert ask(handler, "/api/2/")[1] == "/api/2/ {'number': 2} api/<int:number>/"
    assert len(resolved) == 3


def test_an_unknown_path_is_404_each_time(handler: Handler) -> None:
    assert [ask(handler, "/api/unknown/")[0] for _ in range(2)] == ["404 Not Found"] * 2
    assert "/api/unknown/" not in handler.matches


def test_remembers_a_limited_number_of_paths(handler: Handler) -> None:
    for number in range(MAX_PATHS + 10):
        assert ask(handler, f"/api/many/{number}/")[0] == "200 OK"
    assert len(handler.matches) == MAX_PATHS


def test_a_middleware_can_choose_other_addresses(handler: Handler) -> None:
    for _ in range(2):
        assert ask(handler, "/api/fixed/", "localhost") == ("200 OK", "other")
        assert get_urlconf() is None
        assert ask(handler, "/api/fixed/")[1].startswith("/api/fixed/")


def test_arguments_of_one_request_reach_no_other(settings: Settings) -> None:
    settings.ROOT_URLCONF = Urls
    settings.MIDDLEWARE = [f"{__name__}.AddsArguments"]
    handler = Handler()
    for host in ("localhost", "127.0.0.1", "localhost", "127.0.0.1"):
        added = "{'tenant': 'acme'}" if host == "localhost" else "{}"
        assert ask(handler, "/api/fixed/", host)[1] == f"/api/fixed/ {added} api/fixed/"


def test_a_path_that_depends_on_the_language_is_not_remembered(settings: Settings) -> None:
    settings.ROOT_URLCONF = Urls
    settings.MIDDLEWARE = ["django.middleware.locale.LocaleMiddleware"]
    handler = Handler()
    assert ask(handler, "/api/fixed/")[0] == "200 OK"
    assert handler.matches == {}


def test_an_error_is_logged_as_django_logs_it(
    handler: Handler, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = list[str]()
    monkeypatch.setattr(
        handlers, "log_response", lambda text, *values, **_: lines.append(text % values)
    )
    ask(handler, "/api/unknown/")
    ask(handler, "/api/fixed/")
    assert lines == ["Not Found: /api/unknown/"]


#: Characters that Python strips from the ends of a text.
BLANKS = [chr(number) for number in range(sys.maxunicode) if chr(number).isspace()]


@pytest.mark.trap(34)
@pytest.mark.parametrize("blank", sorted({*BLANKS} - {*" \t"}), ids=ascii)
def test_no_other_host_can_set_a_prefixed_cookie(handler: Handler, blank: str) -> None:
    """For a browser, the name of the second cookie has no prefix, so any host may set it."""
    sent = f"__Host-sessionid=own; {blank}__Host-sessionid=planted"
    header = sent.encode().decode("latin-1")
    _, body = ask(handler, "/api/cookies/", HTTP_COOKIE=header)
    assert json.loads(body) == {"__Host-sessionid": "own"}


def test_other_cookies_are_read_as_django_reads_them(handler: Handler) -> None:
    sent = 'a=1;b = 2 ;\tc="3 4"; d=é; e; f='
    _, body = ask(handler, "/api/cookies/", HTTP_COOKIE=sent.encode().decode("latin-1"))
    assert json.loads(body) == {**parse_cookie("a=1; b=2; d=é; f="), "c": "3 4", "": "e"}
