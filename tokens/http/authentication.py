"""Authenticate requests by the access token in the Authorization header (RFC 6750, section 2.1).

Without that header the token in the cookie counts. `BearerAuthentication` uses the snapshot and so
executes no query. `DatabaseAuthentication`, for views that change an account, reads the row of the
session. With TOKENS["SERVICE_SECRETS_AS_TOKENS"] the header may contain the secret of a service
account instead.
"""

from collections.abc import Iterable
from functools import cache
from typing import Any, cast

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractUser, AnonymousUser
from django.utils.functional import SimpleLazyObject
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import InvalidToken

from tokens.conf import conf
from tokens.errors import InvalidClientError, Refusal, TokenRefusedError, TokenTooLongError
from tokens.http import cookies, csrf
from tokens.http.errors import InactiveUserError, RolesChangedError, SecretTooLargeError
from tokens.http.failed_clients import counted_failures
from tokens.jwt.claims import AccessToken
from tokens.service_accounts import secrets
from tokens.service_accounts.cache import verify_secret
from tokens.sessions.access import verify_access_token, verify_by_row

SPACES = " \t"  # optional whitespace around a header's value (RFC 9110, section 5.6.3)


class TokenUser(SimpleLazyObject):
    """The user of an access token, whose row is loaded when it is needed.

    `pk`, `roles` and `is_authenticated` come from the token and execute no query. Any other
    attribute loads the row, or raises InactiveUserError if the user is deleted or inactive.
    """

    is_authenticated = True
    is_anonymous = False
    pk: Any
    roles: frozenset[str]

    def __init__(self, token: AccessToken) -> None:
        super().__init__(lambda: load_user(token))
        pk, key = token.user_id, str(user_model()._meta.pk.attname)
        # These attributes belong to this object; all others to the row.
        vars(self).update({"pk": pk, key: pk, "roles": token.roles})

    def __bool__(self) -> bool:
        return True


class AnonymousTokenUser(AnonymousUser):
    """The user of a request without a valid access token: Django's, with no roles."""

    roles: frozenset[str] = frozenset()


class ServiceUser:
    """The user of a service account's access token. It has no row in the table of users.

    It has what Django REST framework's throttles and permissions read: `pk` is the client id, and
    it has no roles and no permissions of Django. Check its scopes with `has_scope`.
    """

    is_authenticated = True
    is_anonymous = False
    is_active = True
    is_staff = False
    is_superuser = False
    roles: frozenset[str] = frozenset()

    def __init__(self, client_id: str) -> None:
        self.pk = self.id = client_id

    def __str__(self) -> str:
        return str(self.pk)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ServiceUser) and other.pk == self.pk

    def __hash__(self) -> int:
        return hash(self.pk)

    def get_username(self) -> str:
        return str(self.pk)

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        return False

    def has_perms(self, perm_list: Iterable[str], obj: Any = None) -> bool:
        return False

    def has_module_perms(self, app_label: str) -> bool:
        return False


class BearerAuthentication(JWTAuthentication):
    """Authenticate by access token: `request.user` is its user, `request.auth` the token.

    A refused token is answered 401. The request never becomes anonymous, and the cookie is not
    tried instead.
    """

    def __init__(self) -> None:
        self.user_model = cast("Any", user_model())

    def authenticate(self, request: Request) -> tuple[Any, AccessToken] | None:
        if cookies.authenticated_by_cookie(request):
            if request.method not in SAFE_METHODS:
                csrf.require(request._request)
            return self.authenticate_token(cookies.read_token(request, "access"))
        header = request._request.META.get("HTTP_AUTHORIZATION")
        if header is None:
            return None
        scheme, _, raw = header.strip(SPACES).partition(" ")
        if scheme.lower() != "bearer":
            return None
        text = raw.strip(SPACES)
        if conf().SERVICE_SECRETS_AS_TOKENS and text.startswith(secrets.PREFIX):
            text = exchange_secret(request, text)
        return self.authenticate_token(text)

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"

    def authenticate_token(self, raw: str) -> tuple[Any, AccessToken]:
        token = verify_cached(raw)
        require_audience(token)
        return (ServiceUser(token.sub) if token.is_service else TokenUser(token)), token


class DatabaseAuthentication(BearerAuthentication):
    """The same by the present row of the session; `request.user` is the row of the user."""

    def authenticate_token(self, raw: str) -> tuple[Any, AccessToken]:
        user, token = verify_current(raw)
        require_audience(token)
        return user, token


@cache
def user_model() -> type[AbstractUser]:
    """Return the user model, which Django would look up for each request."""
    return cast("type[AbstractUser]", get_user_model())


def exchange_secret(request: Request, secret: str) -> str:
    """Return an access token of the service account that this secret belongs to.

    One query the first time and once per minute, secret and process. Raises InvalidToken,
    SecretTooLargeError, or Throttled after too many failures from one network.
    """
    try:
        with counted_failures(request):
            return str(verify_secret(secret).token)
    except InvalidClientError as error:
        raise InvalidToken from error
    except TokenTooLongError as error:
        raise SecretTooLargeError from error


def verify_cached(raw: str) -> AccessToken:
    """Return the verified access token if the snapshot does not refuse it: no query.

    Raises InvalidToken, or RolesChangedError if only the roles in the token are outdated.
    """
    try:
        return verify_access_token(raw)
    except TokenRefusedError as error:
        raise unauthorized(error) from error


def verify_current(raw: str) -> tuple[AbstractUser | ServiceUser, AccessToken]:
    """Return the user, or the ServiceUser of a service account, and the token: one query.

    Raises InvalidToken, or RolesChangedError if only the roles in the token are outdated.
    """
    try:
        session, token = verify_by_row(raw)
    except TokenRefusedError as error:
        raise unauthorized(error) from error
    user = ServiceUser(token.sub) if token.is_service else cast("AbstractUser", session.user)
    return user, token


def unauthorized(error: TokenRefusedError) -> InvalidToken:
    """Return the 401 for a refused access token."""
    return RolesChangedError() if error.reason is Refusal.ROLES_CHANGED else InvalidToken()


def require_audience(token: AccessToken) -> None:
    """Raise InvalidToken if the token is for another service (RFC 9068, section 4)."""
    if token["aud"] != conf().audience:
        raise InvalidToken


def load_user(token: AccessToken) -> AbstractUser:
    """Return the row of the token's user, or raise InactiveUserError: one query."""
    user = get_user_model()._base_manager.filter(pk=token.sub, is_active=True).first()
    if user is None:
        raise InactiveUserError
    return cast("AbstractUser", user)
