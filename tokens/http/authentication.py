"""Whom a request comes from: the access token in its Authorization header (RFC 6750, 2.1).

Without that header it is the token in the cookie, if there is one. `BearerAuthentication` asks the
snapshot and so costs no query; `DatabaseAuthentication` asks the row of the session, where an
account is changed.
"""

from typing import Any, cast

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractUser, AnonymousUser
from django.utils.functional import SimpleLazyObject
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import InvalidToken, TokenError

from tokens.crypto.subkeys import tag_subkeys
from tokens.errors import RolesChangedError
from tokens.http import cookies, csrf
from tokens.jwt.claims import AccessToken
from tokens.models import DeviceSession
from tokens.revocation import snapshot


class TokenUser(SimpleLazyObject):
    """The user of an access token: what the token says of them, and the row once that is asked for.

    `pk`, `roles` and `is_authenticated` cost no query. Anything else is asked of the row, which is
    then fetched; InvalidToken is raised if there is none any more, or it is inactive.
    """

    is_authenticated = True
    is_anonymous = False
    pk: Any
    roles: frozenset[str]

    def __init__(self, token: AccessToken) -> None:
        super().__init__(lambda: load_user(token))
        pk, key = token.user_id, get_user_model()._meta.pk.attname
        # The attributes of this object itself; any other is the row's.
        vars(self).update({"pk": pk, key: pk, "roles": token.roles})

    def __bool__(self) -> bool:
        return True


class AnonymousTokenUser(AnonymousUser):
    """The user of a request without a valid access token: Django's, with no roles."""

    roles: frozenset[str] = frozenset()


class BearerAuthentication(JWTAuthentication):
    """Authenticate by access token: `request.user` is its user, `request.auth` the token.

    A token that is presented and refused is 401, never an anonymous request, and never one that
    falls through to the cookie.
    """

    def authenticate(self, request: Request) -> tuple[Any, AccessToken] | None:
        if cookies.authenticated_by_cookie(request):
            if request.method not in SAFE_METHODS:
                csrf.require(request._request)
            return self.authenticate_token(cookies.read_token(request, "access"))
        header = self.get_header(request)
        if header is None:
            return None
        scheme, _, raw = header.strip().partition(b" ")
        if scheme.lower() not in (b"bearer", b""):  # Empty is what a server makes of no ASCII.
            return None
        return self.authenticate_token(raw.strip().decode("latin-1"))

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"

    def authenticate_token(self, raw: str) -> tuple[Any, AccessToken]:
        token = verify_cached(raw)
        return TokenUser(token), token


class DatabaseAuthentication(BearerAuthentication):
    """The same, by what the database says now; `request.user` is the row of the user."""

    def authenticate_token(self, raw: str) -> tuple[AbstractUser, AccessToken]:
        return verify_current(raw)


def verify_cached(raw: str) -> AccessToken:
    """Return the verified access token if the snapshot has nothing against it: no query.

    While the snapshot is too large to be complete, the row is asked: one query. Raises
    InvalidToken, or RolesChangedError if only the roles in the token are out of date.
    """
    token, ends = verify_token(raw), snapshot.revocations.current()
    if not ends.complete:
        return verify_current(raw)[1]
    session = token.sid.int
    if session in ends.sessions or token.jti in ends.tokens:
        raise InvalidToken
    if token["rv"] < ends.rights.get(session, 0):
        raise RolesChangedError
    return token


def verify_current(raw: str) -> tuple[AbstractUser, AccessToken]:
    """Return the user and the verified access token if its session still stands: one query.

    Raises InvalidToken, without a query where the signature or a claim is wrong, or
    RolesChangedError.
    """
    token = verify_token(raw)
    believed = DeviceSession.objects.unless_blacklisted(token.jti)
    session = believed.select_related("user").filter(sid=token.sid).first()
    user = cast("AbstractUser | None", session and session.user)
    if session is None or user is None or not session.is_active or not user.is_active:
        raise InvalidToken
    credentials = (user.password, user.get_username())
    if str(user.pk) != token.sub or not tag_subkeys(session.credential_tag, *credentials):
        raise InvalidToken
    if token["rv"] < session.rights_version:
        raise RolesChangedError
    return user, token


def verify_token(raw: str) -> AccessToken:
    """Return the access token if it is one of ours that has not expired, or raise InvalidToken."""
    try:
        return AccessToken(raw)
    except TokenError as error:
        raise InvalidToken from error


def load_user(token: AccessToken) -> AbstractUser:
    """Return the row of the token's user, or raise InvalidToken: one query."""
    user = get_user_model()._base_manager.filter(pk=token.sub, is_active=True).first()
    if user is None:
        raise InvalidToken
    return cast("AbstractUser", user)
