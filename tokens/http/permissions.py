"""Permissions by role, for the `permission_classes` of API views. They run no query."""

from collections.abc import Iterable
from typing import Any

from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import AND, OR, BasePermission
from rest_framework.request import ForcedAuthentication, Request
from rest_framework.views import APIView

from tokens.http.authentication import ServiceUser
from tokens.jwt.claims import AccessToken

#: Every scope that a view of the project requires, for the system check.
REQUIRED_SCOPES: set[str] = set()


def has_role(*names: str) -> type[BasePermission]:
    """Return a permission class that requires at least one of these roles.

    Other users get 403, and anonymous requests 401. Roles are the names of the user's groups when
    the access token was issued. Permissions combine with `&`, `|` and `~`, as in Django REST
    framework. `has_role` implies signed in. `~has_role(…)` does not: combine it with
    `IsAuthenticated`.
    """
    wanted = frozenset(names)

    class HasRole(BasePermission):
        message = f"This needs the role {' or '.join(names)}."

        def has_permission(self, request: Request, view: Any) -> bool:
            return not wanted.isdisjoint(_roles(request))

        def has_object_permission(self, request: Request, view: Any, obj: Any) -> bool:
            # With the default, which is True, `~` would refuse every request.
            return self.has_permission(request, view)

    return HasRole


def has_scope(*names: str) -> type[BasePermission]:
    """Return a permission class that requires all of these scopes (RFC 9068, section 2.2.3).

    It combines with `has_role` by `&`, `|` and `~`. The token of a person who signed in without
    `scope` has every scope in TOKENS["SCOPES"]. A system check reports a name that is not there.
    """
    required = frozenset(names)
    REQUIRED_SCOPES.update(required)

    class HasScope(BasePermission):
        message = f"This needs the scope {' '.join(names)}."
        required_scope = " ".join(names)

        def has_permission(self, request: Request, view: Any) -> bool:
            token = request.auth
            return isinstance(token, AccessToken) and required <= token.scopes

        def has_object_permission(self, request: Request, view: Any, obj: Any) -> bool:
            return self.has_permission(request, view)

    return HasScope


class IsPerson(BasePermission):
    """Requires a signed-in person. Service accounts are refused with 403.

    So are services that act for a person: without this, a service that received a person's token
    could exchange it and then change the person's account (RFC 8693, section 4.1).
    """

    message = "This is for people. A service may not do it, even for a person."

    def has_permission(self, request: Request, view: Any) -> bool:
        user, token = request.user, request.auth
        if isinstance(user, ServiceUser) or (isinstance(token, AccessToken) and "act" in token):
            return False
        return bool(user and user.is_authenticated)


def challenge(request: Request, view: APIView | None, error: PermissionDenied) -> str:
    """Return the challenge to a token that does not suffice (RFC 6750, section 3), or "".

    Only a token in the Authorization header is challenged. The error is `insufficient_scope` if a
    token with another scope would get further: a `has_scope` refused. The challenge names the scope
    of a single one.
    """
    meta, token = request._request.META, vars(request._request).get("auth")
    if "HTTP_AUTHORIZATION" not in meta or not isinstance(token, AccessToken):
        return ""
    for permission in view.get_permissions() if view else ():
        detail = getattr(permission, "message", PermissionDenied.default_detail)
        if detail == error.detail and _lacks_scope(token, permission):
            scope = getattr(permission, "required_scope", "")
            return 'Bearer error="insufficient_scope"' + (f', scope="{scope}"' if scope else "")
    return "Bearer"


def _lacks_scope(token: AccessToken, permission: Any) -> bool:
    """Return whether the token lacks a scope that the permission, or an operand of it, requires."""
    if isinstance(permission, AND | OR):
        return any(_lacks_scope(token, operand) for operand in vars(permission).values())
    return not {*getattr(permission, "required_scope", "").split()} <= token.scopes


def _roles(request: Request) -> Iterable[str]:
    """Return the roles in the access token.

    Django REST framework's `force_authenticate`, which only tests can call, sets no token: then the
    roles are the user's groups. A request that another class authenticated has no roles.
    """
    token = request.auth
    if isinstance(token, AccessToken) and "roles" in token:
        return token.roles
    if isinstance(request.successful_authenticator, ForcedAuthentication) and request.user:
        names: Iterable[str] = request.user.groups.values_list("name", flat=True)
        return names
    return ()
