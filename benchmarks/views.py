"""A minimal read that needs the user, served by two sides, and the probe of the others."""

from django.http import HttpRequest, HttpResponse
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView


class WhoView(APIView):
    """Name the caller, whom the view's authentication class has found out: each side's default."""

    def get(self, request: Request) -> Response:
        return Response({"user": str(request.user.pk)})


def healthz(request: HttpRequest) -> HttpResponse:
    """Answer that the server has started. The site's own probe imports the site's models."""
    return HttpResponse("alive")
