"""An API protected by Latchkey, as an example: see docs/protecting.md. Replace it by your own."""

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
    """Who asks."""

    user = CharField()
    roles = ListField(child=CharField())


class CallerView(ListedMethodsView):
    """Tell callers who they are, by their access token alone: no query."""

    @operation(
        "caller",
        "Ask who one is",
        {
            200: success(CallerSerializer, "Who asks, by the token alone.", "an editor", EXAMPLE),
            **UNAUTHENTICATED,
        },
        tag="example",
    )
    def get(self, request: Request) -> Response:
        caller = cast("TokenUser", request.user)
        return Response({"user": str(caller.pk), "roles": sorted(caller.roles)})


class EditorsView(CallerView):
    """The same, for editors only."""

    permission_classes = [has_role("editors")]

    @operation(
        "editor",
        "Ask who one is, as an editor",
        {
            200: success(CallerSerializer, "Who asks, an editor.", "an editor", EXAMPLE),
            **UNAUTHENTICATED,
            403: refusal(
                "Signed in, without the role.",
                no_editor=("permission_denied", "This needs the role editors."),
            ),
        },
        tag="example",
    )
    def get(self, request: Request) -> Response:
        return super().get(request)
