"""Whom a request comes from: the access token in its Authorization header (RFC 6750, 2.1).

Without that header it is the token in the cookie, if there is one.
"""

from typing import Any, cast

from django.contrib.auth.models import AbstractUser
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import InvalidToken, TokenError

from tokens import cookies
from tokens.claims import AccessToken
from tokens.keys import tag_subkeys
from tokens.models import DeviceSession


class BearerAuthentication(JWTAuthentication):
    """Authenticate by access token: `request.user` is its user, `request.auth` the token.

    A token that is presented and refused is 401, never an anonymous request, and never one that
    falls through to the cookie.
    """

    def authenticate(self, request: Request) -> tuple[Any, AccessToken] | None:
        if cookies.stands_in(request):
            if request.method not in SAFE_METHODS:
                cookies.require_csrf(request)
            return believe(cookies.token_in(request, "access"))
        header = self.get_header(request)
        scheme, _, raw = (header or b"").strip().partition(b" ")
        if scheme.lower() != b"bearer":
            return None
        return believe(raw.strip().decode("latin-1"))

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


def believe(raw: str) -> tuple[AbstractUser, AccessToken]:
    """Return the user and the verified access token if it and its session still stand: one query.

    Raises InvalidToken, without a query where the signature or a claim is wrong.
    """
    try:
        token = AccessToken(raw)
    except TokenError as error:
        raise InvalidToken from error
    believed = DeviceSession.objects.unless_blacklisted(token.jti)
    session = believed.select_related("user").filter(sid=token.sid).first()
    user = cast("AbstractUser | None", session and session.user)
    if session is None or user is None or not session.is_living or not user.is_active:
        raise InvalidToken
    credentials = (user.password, user.get_username())
    if str(user.pk) != token.sub or not tag_subkeys(session.credential_tag, *credentials):
        raise InvalidToken
    return user, token
