"""Authentication, permissions and an exception handler for Django REST framework."""

from collections.abc import Iterable
from functools import cache
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import APIException, AuthenticationFailed, ErrorDetail
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from latchkey_verifier.bearer import REFUSED, denial, read_token
from latchkey_verifier.claims import Claims
from latchkey_verifier.errors import (
    NothingPresented,
    RoleLacking,
    ScopeLacking,
    VerifierError,
    VerifierUnavailable,
)
from latchkey_verifier.verifier import Verifier


class TokenUser:
    """The subject of an access token, as `request.user`. It has no row in your database.

    It has the attributes that Django REST framework's permissions and throttles read. `pk` is the
    claim `sub`, and `claims` has all others. It has none of Django's permissions.
    """

    is_authenticated = True
    is_anonymous = False
    is_active = True
    is_staff = False
    is_superuser = False

    def __init__(self, claims: Claims) -> None:
        self.claims = claims
        self.pk = self.id = claims.sub

    def __str__(self) -> str:
        return self.pk

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TokenUser) and other.pk == self.pk

    def __hash__(self) -> int:
        return hash(self.pk)

    def get_username(self) -> str:
        return self.pk

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        return False

    def has_perms(self, perm_list: Iterable[str], obj: Any = None) -> bool:
        return False

    def has_module_perms(self, app_label: str) -> bool:
        return False


class UnavailableError(APIException):
    """The token cannot be checked now: 503 with Retry-After."""

    status_code = 503

    def __init__(self, error: VerifierUnavailable) -> None:
        super().__init__(denial(error).body)
        self.wait = error.retry_after  # seconds; Django REST framework sends it as Retry-After


class LatchkeyAuthentication(BaseAuthentication):
    """Authenticate by access token: `request.auth` is its Claims, `request.user` a TokenUser.

    The setting LATCHKEY has the arguments of Verifier, for example {"issuer": …, "audience": …}.
    A subclass may set `verifier` instead, and return a user of your database from `get_user`. A
    request without a bearer token stays anonymous.
    """

    verifier: Verifier | None = None

    def authenticate(self, request: Request) -> tuple[Any, Claims] | None:
        try:
            claims = (self.verifier or default_verifier()).verify(presented(request))
        except NothingPresented:
            return None
        except VerifierUnavailable as error:
            raise UnavailableError(error) from error
        except VerifierError as error:
            raise AuthenticationFailed(denial(error).body) from error
        return self.get_user(claims), claims

    def get_user(self, claims: Claims) -> Any:
        """Return the user for these claims. Raise AuthenticationFailed to refuse them."""
        return TokenUser(claims)

    def authenticate_header(self, request: Request) -> str:
        """Return the challenge of a 401, with an error word if a token was presented."""
        try:
            presented(request)
        except NothingPresented:
            return "Bearer"
        return REFUSED


def claims_of(request: Request) -> Claims:
    """Return the claims of the request's token, or raise LookupError if it has none."""
    if not isinstance(request.auth, Claims):
        raise LookupError("No access token was verified.")  # noqa: TRY004  (it is missing)
    return request.auth


def presented(request: Request | HttpRequest) -> str:
    """Return the bearer token of the request, or raise NothingPresented."""
    header = request.headers.get("Authorization")
    return read_token([header] if header else [])


@cache
def default_verifier() -> Verifier:
    """Return the verifier of the setting LATCHKEY, or raise ImproperlyConfigured."""
    options: Any = getattr(settings, "LATCHKEY", None)
    try:
        return Verifier(**options)
    except (TypeError, ValueError) as error:
        raise ImproperlyConfigured(f"LATCHKEY has the arguments of Verifier: {error}") from error


def _forget_verifier(*, setting: str, **_more: Any) -> None:
    if setting == "LATCHKEY":
        default_verifier.cache_clear()


setting_changed.connect(_forget_verifier)


def has_role(*roles: str) -> type[BasePermission]:
    """Return a permission class that requires one of these roles.

    Permissions combine with `&`, `|` and `~`, as in Django REST framework. Anonymous requests get
    401, and other users 403. `~has_role(…)` also permits anonymous requests: combine it with
    `IsAuthenticated`.
    """

    class HasRole(ClaimsPermission):
        message = f"This needs the role {' or '.join(roles)}."

        def check(self, claims: Claims) -> bool:
            return claims.has_role(*roles)

    return HasRole


def has_scope(*scopes: str) -> type[BasePermission]:
    """Return a permission class that requires all of these scopes (RFC 9068, section 2.2.3)."""

    class HasScope(ClaimsPermission):
        message = f"This needs the scope {' '.join(scopes)}."

        def check(self, claims: Claims) -> bool:
            return claims.has_scope(*scopes)

    return HasScope


class ClaimsPermission(BasePermission):
    """Decides by the claims. A request that another class authenticated has none."""

    def check(self, claims: Claims) -> bool:
        raise NotImplementedError

    def has_permission(self, request: Request, view: Any) -> bool:
        return isinstance(request.auth, Claims) and self.check(request.auth)

    def has_object_permission(self, request: Request, view: Any, obj: Any) -> bool:
        # With the default, which is True, `~` would refuse every object.
        return self.has_permission(request, view)


def exception_handler(exc: Exception, context: dict[str, Any]) -> Response | None:
    """Return the answer to an exception: the setting EXCEPTION_HANDLER.

    A RoleLacking or ScopeLacking is answered 403. Every 401 and 403, and the 503 of a token that
    cannot be checked, has a code and is not cached, as at the site.
    """
    if isinstance(exc, RoleLacking | ScopeLacking):
        lacking = denial(exc)
        return Response(lacking.body, status=lacking.status, headers=lacking.headers)
    # rest_framework.views imports the classes that the settings name, such as the one above.
    from rest_framework.views import exception_handler as default  # noqa: PLC0415  (see above)

    answer = default(exc, context)
    if answer is not None and (
        answer.status_code in (401, 403) or isinstance(exc, UnavailableError)
    ):
        answer["Cache-Control"] = "no-store"
        detail = answer.data.get("detail") if isinstance(answer.data, dict) else None
        if isinstance(detail, ErrorDetail):
            answer.data = {"detail": detail, "code": detail.code, **answer.data}
    return answer
