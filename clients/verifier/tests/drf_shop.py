"""The service of shops.py in Django REST framework, as a URLconf."""

from django.urls import path
from latchkey_verifier.drf import claims_of, has_role, has_scope
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from shops import check, described


class Me(APIView):
    def get(self, request: Request) -> Response:
        check(request.path, claims_of(request))
        self.check_object_permissions(request, object())
        return Response({**described(claims_of(request)), "pk": request.user.pk})


class Ship(Me):
    permission_classes = [has_role("shipping", "stock")]


class Read(Me):
    permission_classes = [has_scope("orders:read", "stock")]


class Either(Me):
    permission_classes = [has_role("shipping") | has_scope("stock")]


class Other(Me):
    permission_classes = [IsAuthenticated & ~has_role("shipping")]


class Public(APIView):
    authentication_classes = []
    permission_classes = [AllowAny]

    def get(self, request: Request, name: str = "") -> Response:
        return Response({})


class Anyone(APIView):
    permission_classes = [AllowAny]

    def get(self, request: Request) -> Response:
        return Response({"signed_in": request.user is not None})


urlpatterns = [
    path("me", Me.as_view()),
    path("pick", Me.as_view()),
    path("count", Me.as_view()),
    path("ship", Ship.as_view()),
    path("orders", Read.as_view()),
    path("either", Either.as_view()),
    path("other", Other.as_view()),
    path("anyone", Anyone.as_view()),
    path("healthz", Public.as_view()),
    path("files/<str:name>", Public.as_view()),
]
