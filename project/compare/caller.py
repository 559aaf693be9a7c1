"""The view that the measurement calls. It gives the same answer in each of the three ways.

Outside of the measurement it does not exist: only the server can put MEASURED into the environ of
a request, because the variables of a client's headers begin with HTTP_.
"""

from typing import Any

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from tokens.api.views import ListedMethodsView
from tokens.http.authentication import BearerAuthentication, TokenUser

MEASURED = "latchkey.measured"
PATH = "/compare/caller/"


class BrowserAuthentication(BaseAuthentication):
    """Authenticate by the session cookie, as the pages do."""

    def authenticate(self, request: Request) -> tuple[User, None] | None:
        user = request._request.user
        return (user, None) if isinstance(user, User) and user.is_authenticated else None


@extend_schema(exclude=True)
class CallerView(ListedMethodsView):
    """Name the user and the roles of the caller: from the token, or from the database."""

    http_method_names = ["get"]
    authentication_classes = [BearerAuthentication, BrowserAuthentication]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if MEASURED not in request.META:
            raise Http404
        super().initial(request, *args, **kwargs)

    def get(self, request: Request) -> Response:
        return Response({"user": str(request.user.pk), "roles": roles_of(request.user)})


def roles_of(user: Any) -> list[str]:
    """Return the roles in the token, or read them as a page does: one query."""
    if isinstance(user, TokenUser):
        return sorted(user.roles)
    return [*user.groups.order_by("name").values_list("name", flat=True)]
