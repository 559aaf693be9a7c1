"""Cookie transport: a browser keeps both tokens where no script reads them.

A page of another origin can make a browser send these cookies, so each call that changes something
must pass the check in tokens/http/csrf.py as well (ASVS 5.0, 3.5.1).
"""

from typing import Literal, TypeAlias

from django.http import JsonResponse
from django.http.response import HttpResponseBase
from rest_framework.request import Request

from tokens.conf import conf
from tokens.errors import CookieTooLargeError
from tokens.jwt.claims import Pair

TokenName: TypeAlias = Literal["access", "refresh"]
MAX_COOKIE_SIZE = (
    4096  # bytes of name, value and attributes; browsers drop what is longer: RFC 6265, 6.1
)


def cookie_name(token: TokenName) -> str:
    """Return the cookie's name; the prefix has browsers take it from this host and https alone."""
    return f"__Host-{token}" if conf().COOKIES_SECURE else token


def read_token(request: Request, token: TokenName) -> str:
    """Return what the request has in this cookie, or nothing."""
    return request._request.COOKIES.get(cookie_name(token), "")


def uses_cookies(request: Request) -> bool:
    """Return whether a browser asks that has a refresh token's cookie, or had one once."""
    return cookie_name("refresh") in request._request.COOKIES or "HTTP_X_CSRFTOKEN" in request.META


def authenticated_by_cookie(request: Request) -> bool:
    """Return whether the access token is the cookie's: it never is where a header was sent."""
    return "HTTP_AUTHORIZATION" not in request.META and bool(read_token(request, "access"))


def token_response(pair: Pair) -> JsonResponse:
    """Return the pair with its tokens in cookies, each for as long as the token lives at most.

    An access token that a browser would drop is refused instead. The refresh token is given even
    then: the session goes on, and fits again when its user has fewer roles.
    """
    body = pair.as_json()
    access, refresh = str(body.pop("access")), str(body.pop("refresh"))
    response = compact_json(body)
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


def compact_json(body: dict[str, str | int]) -> JsonResponse:
    """Return the body as Django REST framework would write it, which takes longer."""
    return JsonResponse(body, json_dumps_params={"separators": (",", ":")})


def delete_cookies(response: HttpResponseBase) -> None:
    """Have the browser delete both cookies, and what it keeps of this site beside them."""
    for token in ("access", "refresh"):
        _set(response, token, "", 0)
    response["Clear-Site-Data"] = '"cache", "storage"'


def _set(response: HttpResponseBase, token: TokenName, value: str, seconds: int) -> None:
    # Deleted is what has the same name and attributes, so there is one place that has them.
    response.set_cookie(
        cookie_name(token),
        value,
        max_age=max(0, seconds),
        path="/",
        secure=conf().COOKIES_SECURE,
        httponly=True,
        samesite="Strict",
    )
