"""Cookie transport: a browser stores both tokens in cookies that scripts cannot read.

A page of another origin can make a browser send these cookies. Each request that changes something
must therefore also pass the check in tokens/http/csrf.py (ASVS 5.0, 3.5.1).
"""

from typing import Literal, TypeAlias

from django.http import HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from rest_framework.request import Request

from tokens.conf import conf
from tokens.crypto.encoding import compact_json
from tokens.http.errors import CookieTooLargeError
from tokens.jwt.claims import Pair

TokenName: TypeAlias = Literal["access", "refresh"]
#: Bytes of name, value and attributes. Browsers drop longer cookies (RFC 6265, section 6.1).
MAX_COOKIE_SIZE = 4096


def cookie_name(token: TokenName) -> str:
    """Return the cookie's name. Browsers accept `__Host-` cookies only by https from this host."""
    return f"__Host-{token}" if conf().COOKIES_SECURE else token


def read_token(request: Request, token: TokenName) -> str:
    """Return the value of the request's cookie for this token, or ""."""
    return request._request.COOKIES.get(cookie_name(token), "")


def uses_cookies(request: Request) -> bool:
    """Return whether the request has a refresh token's cookie or a CSRF header.

    The header also marks a client of the cookie transport whose cookies have expired.
    """
    return cookie_name("refresh") in request._request.COOKIES or "HTTP_X_CSRFTOKEN" in request.META


def authenticated_by_cookie(request: Request) -> bool:
    """Return whether the access token comes from the cookie. An Authorization header wins."""
    presented = "HTTP_AUTHORIZATION" in request._request.META
    return not presented and bool(read_token(request, "access"))


def token_response(pair: Pair) -> HttpResponse:
    """Return the pair with its tokens in cookies. Each cookie expires with its token.

    If the access token is too long for a cookie, the response is an error. It still sets the
    refresh token: the session continues, and works again when its user has fewer roles.
    """
    body = pair.as_json()
    access, refresh = str(body.pop("access")), str(body.pop("refresh"))
    response = json_response(body)
    _set(response, "access", access, int(body["expires_in"]))
    if len(response.cookies[cookie_name("access")].OutputString()) > MAX_COOKIE_SIZE:
        error = CookieTooLargeError()
        response = JsonResponse(
            {"detail": error.detail, "code": error.default_code}, status=error.status_code
        )
    _set(response, "refresh", refresh, int(body["refresh_expires_in"]))
    return response


def require_cookie_size(pair: Pair) -> None:
    """Raise CookieTooLargeError if a browser would drop the access token of the pair."""
    if token_response(pair).status_code != 200:
        raise CookieTooLargeError


def json_response(body: dict[str, str | int]) -> HttpResponse:
    """Return the same bytes as Django REST framework's renderer, in less time."""
    return HttpResponse(compact_json(body), content_type="application/json")


def delete_cookies(response: HttpResponseBase) -> None:
    """Make the browser delete both cookies, and its cache and storage of this site."""
    for token in ("access", "refresh"):
        _set(response, token, "", 0)
    response["Clear-Site-Data"] = '"cache", "storage"'


def _set(response: HttpResponseBase, token: TokenName, value: str, seconds: int) -> None:
    # A browser deletes a cookie only if name and attributes are equal, so they are set here alone.
    response.set_cookie(
        cookie_name(token),
        value,
        max_age=max(0, seconds),
        path="/",
        secure=conf().COOKIES_SECURE,
        httponly=True,
        samesite="Strict",
    )
