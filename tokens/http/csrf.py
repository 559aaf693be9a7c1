"""The CSRF check of the API, with its own secret, cookie and trusted origins.

The origins in COOKIE_ORIGINS may call the API with cookies, but the site's pages do not trust them.
A CSRF token of the API is therefore not valid for a page's form, and a page's token is not valid
for the API.
"""

import re
from collections import defaultdict
from typing import Any, cast
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.csrf import CsrfViewMiddleware
from django.utils.functional import cached_property

from tokens.conf import conf
from tokens.http.errors import CsrfFailedError

SECRET = re.compile("[A-Za-z0-9]{32}")  # the form of Django's CSRF secrets


class CsrfCheck(CsrfViewMiddleware):
    """Django's CSRF check with the API's cookie and origins. It returns the reason of a refusal."""

    @cached_property
    def allowed_origins_exact(self) -> set[str]:
        return {conf().PUBLIC_URL, *conf().COOKIE_ORIGINS}

    @cached_property
    def csrf_trusted_origins_hosts(self) -> list[str]:
        return [urlsplit(origin).netloc for origin in self.allowed_origins_exact]

    @cached_property
    def allowed_origin_subdomains(self) -> defaultdict[str, list[str]]:
        return defaultdict(list)  # COOKIE_ORIGINS has no wildcards.

    def process_view(self, request: HttpRequest, callback: Any, args: Any, kwargs: Any) -> Any:
        # The pages' check may have accepted the request; the API needs its own check as well.
        vars(request)["csrf_processing_done"] = False
        return super().process_view(request, callback, args, kwargs)

    def _get_secret(self, request: HttpRequest) -> str | None:
        secret = request.COOKIES.get(cookie_name(), "")
        return secret if SECRET.fullmatch(secret) else None

    def _set_csrf_cookie(self, request: HttpRequest, response: HttpResponseBase) -> None:
        response.set_cookie(
            cookie_name(),
            request.META["CSRF_COOKIE"],
            max_age=settings.CSRF_COOKIE_AGE,
            path="/",
            secure=conf().COOKIES_SECURE,
            httponly=True,
            samesite="Strict",
        )

    def _reject(self, request: HttpRequest, reason: str) -> Any:
        return reason


def cookie_name() -> str:
    """Return the name of the cookie that holds the API's CSRF secret."""
    return f"{'__Host-' if conf().COOKIES_SECURE else ''}api-csrftoken"


def require(request: HttpRequest) -> None:
    """Raise CsrfFailedError unless the request has the API's CSRF token and an allowed origin."""
    if check().process_view(request, None, (), {}):
        raise CsrfFailedError


def prepare(request: HttpRequest) -> None:
    """Make Django's `get_token` and `{% csrf_token %}` return the API's token in this request."""
    request.META.pop("CSRF_COOKIE", None)  # the pages' secret, which their check may have set
    check().process_request(request)


def set_cookie(request: HttpRequest, response: HttpResponseBase) -> None:
    """Set the secret's cookie on the response if `get_token` was called after `prepare`."""
    check().process_response(request, cast("HttpResponse", response))


def check() -> CsrfCheck:
    """Return a check with the current settings. It never calls the view that it is given."""
    return CsrfCheck(cast("Any", HttpResponse))
