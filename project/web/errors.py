"""Error responses: one JSON form for programs, a page for people."""

import logging
import math
import sys
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware import common
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import is_valid_path
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import APIException, MethodNotAllowed, PermissionDenied, Throttled
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.views import exception_handler as rest_framework_handler
from rest_framework_simplejwt.exceptions import InvalidToken

from accounts.errors import HashingBusyError
from project.connections import check_connections, is_outage, refuses_writes
from project.web.refusal import REFUSAL, RequestRefusal, why_unread
from project.web.request_log import PROBES
from tokens.errors import TokenRefusedError
from tokens.http.errors import InactiveUserError
from tokens.http.paths import API_PREFIXES, OAUTH
from tokens.http.permissions import challenge
from tokens.http.request_context import state_of

RETRY_AFTER = 5  # seconds, after a 503
CHALLENGE = 'Bearer error="invalid_token"'  # of a refused token (RFC 6750, section 3.1)
NOT_USABLE = _("The database cannot be used at the moment. Try again.")
NOT_WRITABLE = _("The database is read-only. Try again later.")
#: The parameters of a page's URL that its form repeats, by the name of the page.
CARRIED = {"login": ("next",), "password-link": ("uid", "token"), "email-link": ("token",)}
#: The title of the error page, by the code that programs receive.
TITLES = {
    "bad_request": _("Bad request"),
    "busy": _("Try again in a moment"),
    "csrf_failed": _("This form is too old"),
    "error": _("Something went wrong"),
    "length_required": _("Bad request"),
    "not_found": _("Not found"),
    "permission_denied": _("You may not open this page"),
    "throttled": _("Too many tries"),
    "timeout": _("The request took too long"),
    "too_large": _("The request is too large"),
    "unavailable": _("Try again in a moment"),
}

log = logging.getLogger(__name__)


class ServerBusyError(APIException):
    """503 `busy`: the exception of Django REST framework for HashingBusyError."""

    status_code = 503
    default_detail = HashingBusyError.message
    default_code = "busy"
    wait = RETRY_AFTER


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """Give every refusal its `code`, and 401 and 403 the challenge of RFC 6750, section 3."""
    if isinstance(error, HashingBusyError):
        error = ServerBusyError()
    response = rest_framework_handler(error, context)
    if response is None:
        return None
    if isinstance(response.data, dict) and set(response.data) == {"detail"}:
        response.data["code"] = getattr(response.data["detail"], "code", "error")
    if isinstance(error.__cause__, TokenRefusedError):
        state_of(context["request"]._request).refusal = error.__cause__.reason
    if isinstance(error, InvalidToken):
        response["WWW-Authenticate"] = CHALLENGE
    elif isinstance(error, PermissionDenied):
        if header := challenge(context["request"], context.get("view"), error):
            response["WWW-Authenticate"] = header
    elif isinstance(error, MethodNotAllowed):
        omit_options(context["view"])
    return response


def omit_options(view: APIView) -> None:
    """Remove OPTIONS from the header Allow if the view only answers 405 to it.

    Every view of Django REST framework inherits the method, which needs a `metadata_class`.
    """
    if view.metadata_class is None and type(view).options is APIView.options:
        allowed = [method for method in view.allowed_methods if method != "OPTIONS"]
        view.headers["Allow"] = ", ".join(allowed)


class RefusalMiddleware:
    """Answer 429 if a page is requested too often, and 503 if the database cannot be used.

    After a 401, clients would drop their tokens. The same applies to Redis or files, if they store
    the data of browsers.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if isinstance(error, Throttled):
            return too_many(request, getattr(error, "wait", 1))
        if isinstance(error, HashingBusyError):
            return refuse(request, RequestRefusal(503, "busy", str(error.message)))
        return unavailable(request, error) if is_outage(error) else None


class CommonMiddleware(common.CommonMiddleware):
    """Django's, which adds a missing slash, but never turns a POST into a GET.

    Probes may use any Host header. It refuses requests that no view may read.
    """

    def process_request(self, request: HttpRequest) -> Any:
        if request.path_info in PROBES and REFUSAL not in request.META:
            return None
        if refusal := why_unread(request):
            return refuse(request, refusal)
        return super().process_request(request)

    def should_redirect_with_slash(self, request: HttpRequest) -> bool:
        return may_lack_slash(request) and super().should_redirect_with_slash(request)


def may_lack_slash(request: HttpRequest) -> bool:
    """Return whether CommonMiddleware may redirect the request to the path with a slash."""
    return request.method in ("GET", "HEAD") and not request.path_info.endswith("/")


def refuse(request: HttpRequest, refusal: RequestRefusal) -> HttpResponse:
    """Return the response for a refusal. A 503 has Retry-After.

    A 415 names the codings that the site decodes: none (RFC 9110, section 12.5.3).
    """
    response = answer(request, refusal.status, refusal.code, refusal.detail)
    if refusal.status == 503:
        response["Retry-After"] = str(RETRY_AFTER)
    if refusal.status == 415:
        response["Accept-Encoding"] = "identity"
    return response


def answer(request: HttpRequest, status: int, code: str, detail: str, **more: str) -> HttpResponse:
    """Return the error as JSON to programs, and as a page to people. `more` is for the page."""
    response: HttpResponse
    if request.path_info.startswith(OAUTH):
        error = "temporarily_unavailable" if status in (429, 503) else "invalid_request"
        error = "server_error" if status == 500 else error
        response = JsonResponse({"error": error, "error_description": detail}, status=status)
    elif is_for_programs(request):
        response = JsonResponse({"detail": detail, "code": code}, status=status)
    else:
        response = page(
            request, status, title=str(TITLES.get(code, TITLES["error"])), detail=detail, **more
        )
    response["Cache-Control"] = "no-store"
    return response


def is_for_programs(request: HttpRequest) -> bool:
    """Return whether programs request this path, and not people."""
    return request.path_info.startswith(API_PREFIXES) or request.path_info in PROBES


def page(request: HttpRequest, status: int, **context: str) -> HttpResponse:
    """Return the error page, which needs no database. If its template fails, return plain text."""
    try:
        content = render_to_string("error.html", {"status": status, **context}, request)
    except Exception:  # The cause of the error may also break the template.
        log.exception("error_page_failed")
        plain = f"{context['title']}. {context['detail']}"
        return HttpResponse(plain, status=status, content_type="text/plain; charset=utf-8")
    return HttpResponse(content, status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 400, or 401 if a middleware has needed the row of a deleted or inactive user."""
    if isinstance(exception, InactiveUserError):
        response = answer(request, 401, exception.default_code, str(exception.default_detail))
        response["WWW-Authenticate"] = CHALLENGE
        return response
    if isinstance(exception, DisallowedHost):
        detail = gettext("The Host header of the request does not name this site.")
    else:
        detail = gettext("The site cannot read this request.")
    return answer(request, 400, "bad_request", detail)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return answer(request, 403, "permission_denied", gettext("You may not do this."))


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Refuse the form. If a sign-in form is old because the user signed in, redirect instead."""
    from_elsewhere = reason.startswith(("Origin checking", "Referer checking"))  # Django's words
    if is_of("login", request) and request.user.is_authenticated and not from_elsewhere:
        return redirect(requested_url(request))  # The page redirects further.
    return answer(
        request,
        403,
        "csrf_failed",
        gettext("The form has expired or is from another site. Load it again."),
        advice=gettext("Nothing was changed. If it happens again, allow cookies for this site."),
        again=requested_url(request),
    )


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    detail = gettext("There is nothing at this address.")
    if not request.path_info.endswith("/") and is_valid_path(f"{request.path_info}/"):
        hint = gettext("Addresses end with a slash: %(path)s/") % {"path": request.path_info}
        detail = f"{detail} {hint}"
    return answer(request, 404, "not_found", detail)


def too_many(request: HttpRequest, wait: int) -> HttpResponse:
    sentence = gettext("There were too many tries. Try again in %(wait)s.")
    detail = sentence % {"wait": describe_wait(wait)}
    response = answer(request, 429, "throttled", detail, again=requested_url(request))
    response["Retry-After"] = str(wait)
    return response


def unavailable(request: HttpRequest, error: Exception) -> HttpResponse:
    """Answer 503 because of an outage, and log it."""
    log.error("database_unavailable", exc_info=error)
    check_connections()
    detail = str(NOT_WRITABLE if refuses_writes(error) else NOT_USABLE)
    response = answer(request, 503, "unavailable", detail, again=requested_url(request))
    response["Retry-After"] = str(RETRY_AFTER)
    return response


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 500, or 503 because of an outage in a middleware, which stores the browser's data.

    Django calls this function while it handles the exception.
    """
    error = sys.exception()
    if isinstance(error, Exception) and is_outage(error):
        return unavailable(request, error)
    return answer(
        request, 500, "error", gettext("The site could not answer. The error has been logged.")
    )


def requested_url(request: HttpRequest) -> str:
    """Return the URL of the requested page, or of the page of the submitted form."""
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
    """Return the time to wait in words, rounded up."""
    for size, words in ((3600, gettext("%(count)s hours")), (60, gettext("%(count)s minutes"))):
        if seconds > 1.5 * size:
            return words % {"count": math.ceil(seconds / size)}
    return ngettext("%(count)s second", "%(count)s seconds", seconds) % {"count": seconds}
