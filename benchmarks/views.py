"""The read that both sides serve: the least that has to know who asks."""

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView


class WhoView(APIView):
    """Name the caller, whom the view's authentication class has found out: each side's default."""

    def get(self, request: Request) -> Response:
        return Response({"user": str(request.user.pk)})
