"""Permissions by role: what views of an API write into `permission_classes`. They cost no query."""

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from tokens.claims import AccessToken


def has_role(*names: str) -> type[BasePermission]:
    """Return a permission for who has at least one of these roles: 403 for others, 401 for nobody.

    Roles are the names of the user's groups when the access token was made. Permissions combine by
    `&`, `|` and `~`, as those of Django REST framework do; who is nobody has no role, so whatever
    begins with `~` wants `IsAuthenticated &` before it.
    """
    wanted = frozenset(names)

    class HasRole(BasePermission):
        message = f"This needs the role {' or '.join(names)}."

        def has_permission(self, request: Request, view: Any) -> bool:
            token = request.auth
            return isinstance(token, AccessToken) and not wanted.isdisjoint(token.roles)

        def has_object_permission(self, request: Request, view: Any, obj: Any) -> bool:
            return self.has_permission(request, view)  # or `~` would refuse everybody

    return HasRole
