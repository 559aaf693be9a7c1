"""What is answered when something is wrong: one shape for programs, a page for people."""

import logging
import math
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware import common
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import is_valid_path
from redis.exceptions import RedisError
from rest_framework.exceptions import Throttled
from rest_framework.response import Response
from rest_framework.views import exception_handler as rest_framework_handler
from rest_framework_simplejwt.exceptions import InvalidToken

from accounts.browser.middleware import API_PREFIXES
from accounts.errors import HashingBusyError
from project.serving.environ import REFUSAL, Refusal
from project.web import pool
from project.web.json import TOO_LARGE, longest_body
from project.web.request_log import PROBES, note_refusal
from tokens.errors import TokenRefusedError

RETRY_AFTER = "5"  # seconds
READ_ONLY = ("25006", "SQLITE_READONLY")  # the errors of PostgreSQL and of SQLite
NOT_REACHED = "The database is not reached. Try again."
NOT_WRITABLE = "The database is read-only. Try again later."
DATABASE_ERRORS = (OperationalError, InterfaceError, RedisError)
#: What a form brings along of the address of its page, by the name of the page.
CARRIED = {"login": ("next",), "password-link": ("uid", "token"), "email-link": ("token",)}
#: What a page says on top, by the code that a program is given.
TITLES = {
    "bad_request": "That was not understood",
    "busy": "Back in a moment",
    "csrf_failed": "This form is too old",
    "error": "Something went wrong",
    "length_required": "That was not understood",
    "not_found": "Not found",
    "permission_denied": "This is not open to you",
    "throttled": "Too many tries",
    "timeout": "That took too long",
    "too_large": "That is too large",
    "unavailable": "Back in a moment",
}

log = logging.getLogger(__name__)


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """Give every refusal of the API its `code`, and 401 the challenge of RFC 6750, section 3."""
    response = rest_framework_handler(error, context)
    if response is None:
        return None
    if isinstance(response.data, dict) and set(response.data) == {"detail"}:
        response.data["code"] = getattr(response.data["detail"], "code", "error")
    if isinstance(error, TokenRefusedError):
        note_refusal(context["request"]._request, error.reason)
    if isinstance(error, InvalidToken):
        response["WWW-Authenticate"] = 'Bearer error="invalid_token"'
    return response


class RefusalMiddleware:
    """Answer 429 where a page is asked too often, and 503 when the database is away.

    On a 401 clients would drop their tokens. Redis, too, can be away, where it keeps what is known
    of browsers.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if isinstance(error, Throttled):
            return too_many(request, getattr(error, "wait", 1))
        if isinstance(error, HashingBusyError):
            return refuse(request, Refusal(503, "busy", str(error.detail)))
        read_only = refuses_writes(error)
        if not isinstance(error, DATABASE_ERRORS) and not read_only:
            return None
        log.error("database_unavailable", exc_info=error)
        pool.check_connections()
        detail = NOT_WRITABLE if read_only else NOT_REACHED
        response = answer(request, 503, "unavailable", detail, again=address(request))
        response["Retry-After"] = RETRY_AFTER
        return response


def refuses_writes(error: Exception) -> bool:
    """Return whether the database raised the error because it is read-only, as a standby is."""
    cause = error.__cause__
    codes = getattr(cause, "sqlstate", None), getattr(cause, "sqlite_errorname", None)
    return any(code in READ_ONLY for code in codes)


class CommonMiddleware(common.CommonMiddleware):
    """Django's, which adds a forgotten slash, but never by turning a POST into a GET.

    Probes may call the site by any name. A body of unknown length is refused by name: WSGI cannot
    tell it from an empty one. So is a body that is too large, before it is read, and a request that
    the gateway refuses.
    """

    def process_request(self, request: HttpRequest) -> Any:
        if refusal := request.META.get(REFUSAL):
            return refuse(request, refusal)
        if request.path_info in PROBES:
            return None
        if "HTTP_TRANSFER_ENCODING" in request.META and not request.META.get("CONTENT_LENGTH"):
            return answer(request, 411, "length_required", "Send a Content-Length.")
        if not is_utf8(request):
            return answer(request, 400, "bad_request", "Send the form in UTF-8.")
        longest = longest_body(request.path_info)
        if length(request) > longest:
            return answer(request, 413, "too_large", TOO_LARGE.format(longest))
        return super().process_request(request)

    def should_redirect_with_slash(self, request: HttpRequest) -> bool:
        return request.method in ("GET", "HEAD") and super().should_redirect_with_slash(request)


def length(request: HttpRequest) -> int:
    """Return how many bytes the header says the body has; to Django, too, no number is none."""
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0


def is_utf8(request: HttpRequest) -> bool:
    """Return whether Django can decode the body.

    Django takes any codec of Python from the header, and those that are not for text fail later.
    """
    return (request.encoding or "utf-8").lower() in ("utf-8", "utf8")


def refuse(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    """Answer as the gateway wants a request refused; 503 says when to come again."""
    response = answer(request, refusal.status, refusal.code, refusal.detail)
    if refusal.status == 503:
        response["Retry-After"] = RETRY_AFTER
    return response


def answer(request: HttpRequest, status: int, code: str, detail: str, **more: str) -> HttpResponse:
    """Return the error as JSON to programs, to people as a page, of which there can be more."""
    if request.path_info.startswith(API_PREFIXES):
        response: HttpResponse = JsonResponse({"detail": detail, "code": code}, status=status)
    else:
        response = page(status, title=TITLES.get(code, TITLES["error"]), detail=detail, **more)
    response["Cache-Control"] = "no-store"
    return response


def page(status: int, **context: str) -> HttpResponse:
    """Return the page of an error: it needs no database, and, if that fails, no template either."""
    try:
        content = render_to_string("error.html", {"status": status, **context})
    except Exception:  # What went wrong before can go wrong here, too.
        log.exception("error_page_failed")
        plain = f"{context['title']}. {context['detail']}"
        return HttpResponse(plain, status=status, content_type="text/plain; charset=utf-8")
    return HttpResponse(content, status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return answer(request, 400, "bad_request", "The request cannot be understood.")


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return answer(request, 403, "permission_denied", "You may not do this.")


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Refuse the form, unless it is a sign-in, from here, of who has signed in meanwhile."""
    from_elsewhere = reason.startswith(("Origin checking", "Referer checking"))  # Django's words
    if is_of("login", request) and request.user.is_authenticated and not from_elsewhere:
        return redirect(address(request))  # The page leads on from there.
    return answer(
        request,
        403,
        "csrf_failed",
        "The form is too old or not ours. Load it again.",
        advice="Nothing was changed. If it happens again, have your browser keep our cookies.",
        again=address(request),
    )


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    detail = "There is nothing at this address."
    if not request.path_info.endswith("/") and is_valid_path(f"{request.path_info}/"):
        detail += f" Addresses end with a slash: {request.path_info}/"
    return answer(request, 404, "not_found", detail)


def too_many(request: HttpRequest, wait: int) -> HttpResponse:
    detail = f"That was tried too often. Try again in {describe_wait(wait)}."
    response = answer(request, 429, "throttled", detail, again=address(request))
    response["Retry-After"] = str(wait)
    return response


def server_error(request: HttpRequest) -> HttpResponse:
    return answer(request, 500, "error", "Something went wrong here. It has been logged.")


def address(request: HttpRequest) -> str:
    """Return where the page is that was asked for, or whose form was sent."""
    asked = request.get_full_path()
    carried = {
        name: request.POST[name]
        for page, names in CARRIED.items()
        if is_of(page, request)
        for name in names
        if name in request.POST
    }
    return f"{asked.partition('?')[0]}?{urlencode(carried, safe='/')}" if carried else asked


def is_of(page: str, request: HttpRequest) -> bool:
    """Return whether the request is for the page of this name."""
    return request.resolver_match is not None and request.resolver_match.url_name == page


def describe_wait(seconds: int) -> str:
    """Return a time to wait as people say it, rounded up."""
    for size, unit in ((3600, "hours"), (60, "minutes")):
        if seconds > 1.5 * size:
            return f"{math.ceil(seconds / size)} {unit}"
    return "1 second" if seconds == 1 else f"{seconds} seconds"
