"""What is answered when something is wrong: one shape for programs, a page for people."""

import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware import common
from django.shortcuts import render
from django.urls import is_valid_path
from rest_framework.response import Response
from rest_framework.views import exception_handler as rest_framework_handler
from rest_framework_simplejwt.exceptions import InvalidToken
from structlog.contextvars import bind_contextvars

from project import pool
from tokens.exceptions import TokenRefused

RETRY_AFTER = "5"  # seconds
READ_ONLY = "25006"  # PostgreSQL's word for a standby that was not promoted yet
PROBES = ("/healthz", "/readyz")

log = logging.getLogger(__name__)


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """Give every refusal of the API its `code`, and 401 the challenge of RFC 6750, section 3."""
    response = rest_framework_handler(error, context)
    if response is None:
        return None
    if isinstance(response.data, dict) and set(response.data) == {"detail"}:
        response.data["code"] = getattr(response.data["detail"], "code", "error")
    if isinstance(error, TokenRefused):
        bind_contextvars(reason=error.reason.value)  # for the line of the request alone
    if isinstance(error, InvalidToken):
        response["WWW-Authenticate"] = 'Bearer error="invalid_token"'
    return response


class UnavailableMiddleware:
    """Answer 503 when the database is away: on a 401 clients would drop their tokens."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        read_only = getattr(error.__cause__, "sqlstate", None) == READ_ONLY
        if not isinstance(error, OperationalError | InterfaceError) and not read_only:
            return None
        log.error("database_unavailable", exc_info=error)
        pool.look_over()
        response = answer(request, 503, "unavailable", "The database is not reached. Try again.")
        response["Retry-After"] = RETRY_AFTER
        return response


class CommonMiddleware(common.CommonMiddleware):
    """Django's, which adds a forgotten slash, but never by turning a POST into a GET.

    Probes may call the site by any name. A body of unknown length is refused by name: WSGI cannot
    tell it from an empty one.
    """

    def process_request(self, request: HttpRequest) -> Any:
        if request.path_info in PROBES:
            return None
        if "HTTP_TRANSFER_ENCODING" in request.META and not request.META.get("CONTENT_LENGTH"):
            return answer(request, 411, "length_required", "Send a Content-Length.")
        return super().process_request(request)

    def should_redirect_with_slash(self, request: HttpRequest) -> bool:
        return request.method in ("GET", "HEAD") and super().should_redirect_with_slash(request)


def answer(request: HttpRequest, status: int, code: str, detail: str) -> HttpResponse:
    """Return the error as JSON under /api/, elsewhere as a page."""
    if request.path_info.startswith("/api/"):
        response: HttpResponse = JsonResponse({"detail": detail, "code": code}, status=status)
    else:
        title = HTTPStatus(status).phrase
        response = render(request, "error.html", {"title": title, "detail": detail}, status=status)
    response["Cache-Control"] = "no-store"
    return response


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return answer(request, 400, "bad_request", "The request cannot be understood.")


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return answer(request, 403, "permission_denied", "You may not do this.")


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    return answer(request, 403, "csrf_failed", "The form is too old or not ours. Load it again.")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    detail = "There is nothing at this address."
    if not request.path_info.endswith("/") and is_valid_path(f"{request.path_info}/"):
        detail += f" Addresses end with a slash: {request.path_info}/"
    return answer(request, 404, "not_found", detail)


def server_error(request: HttpRequest) -> HttpResponse:
    return answer(request, 500, "error", "Something went wrong here. It has been logged.")
