"""An example of an API that Latchkey protects: see docs/protecting.md. The tests call it too."""

from typing import cast

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import CharField, ListField, Serializer

from tokens.api.openapi.answers import UNAUTHENTICATED, refusal, success
from tokens.api.openapi.operation import operation
from tokens.api.views import ListedMethodsView
from tokens.http.authentication import TokenUser
from tokens.http.permissions import has_role

EXAMPLE = {"user": "5b0e9a55-1f6b-4d8c-8e0a-3d5c5f0f7a11", "roles": ["editors"]}


class CallerSerializer(Serializer[None]):
    """The user of the request."""

    user = CharField()
    roles = ListField(child=CharField())


class CallerView(ListedMethodsView):
    """Show the user and the roles in the access token, without a query."""

    @operation(
        "caller",
        "Show the user of the token",
        {
            200: success(
                CallerSerializer, "The user and the roles in the token.", "an editor", EXAMPLE
            ),
            **UNAUTHENTICATED,
        },
        tag="example",
    )
    def get(self, request: Request) -> Response:
        caller = cast("TokenUser", request.user)
        return Response({"user": str(caller.pk), "roles": sorted(caller.roles)})


class EditorsView(CallerView):
    """Show the user and the roles in the access token, to users with the role `editors` only."""

    permission_classes = [has_role("editors")]

    @operation(
        "editor",
        "Show the user of the token, for editors",
        {
            200: success(
                CallerSerializer, "The user and the roles in the token.", "an editor", EXAMPLE
            ),
            **UNAUTHENTICATED,
            403: refusal(
                "The user does not have the role.",
                no_editor=("permission_denied", "This needs the role editors."),
            ),
        },
        tag="example",
    )
    def get(self, request: Request) -> Response:
        return super().get(request)
