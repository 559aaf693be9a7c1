"""Permissions by role: what views of an API write into `permission_classes`. They cost no query."""

from collections.abc import Iterable
from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import ForcedAuthentication, Request

from tokens.jwt.claims import AccessToken


def has_role(*names: str) -> type[BasePermission]:
    """Return a permission for users with at least one of these roles; others get 403, or 401.

    Roles are the names of the user's groups when the access token was made. Permissions combine by
    `&`, `|` and `~`, as those of Django REST framework do. `has_role` implies signed in, and
    `~has_role(…)` does not: combine that with `IsAuthenticated`.
    """
    wanted = frozenset(names)

    class HasRole(BasePermission):
        message = f"This needs the role {' or '.join(names)}."

        def has_permission(self, request: Request, view: Any) -> bool:
            return not wanted.isdisjoint(_roles(request))

        def has_object_permission(self, request: Request, view: Any, obj: Any) -> bool:
            return self.has_permission(request, view)  # or `~` would refuse everybody

    return HasRole


def _roles(request: Request) -> Iterable[str]:
    """Return the roles in the access token.

    Django REST framework's `force_authenticate`, which only tests can call, leaves none: then it is
    the user's groups. A request that another class authenticated has no roles.
    """
    token = request.auth
    if isinstance(token, AccessToken) and "roles" in token:
        return token.roles
    if isinstance(request.successful_authenticator, ForcedAuthentication) and request.user:
        names: Iterable[str] = request.user.groups.values_list("name", flat=True)
        return names
    return ()
