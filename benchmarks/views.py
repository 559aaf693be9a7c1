"""The read that both sides serve: the least that has to know who asks."""

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView


class WhoView(APIView):
    """Name the caller, whom each side's default authentication class has found out."""

    def get(self, request: Request) -> Response:
        return Response({"user": str(request.user.pk)})
