"""Two views that only answer, and one that executes one statement."""

from django.contrib.auth.models import AbstractUser
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from benchmarks.views import healthz

UPDATE = "UPDATE auth_user SET first_name = %s WHERE id = %s RETURNING username"


def answer(request: HttpRequest) -> HttpResponse:
    return as_json("user")


class RestView(APIView):
    authentication_classes = ()
    permission_classes = ()

    def get(self, request: Request) -> Response:
        return Response({"user": "user"}, headers={"Content-Length": "15"})


def statement(request: HttpRequest, user: int) -> HttpResponse:
    with connection.cursor() as cursor:
        cursor.execute(UPDATE, ["floor", user])
        rows = cursor.fetchall()
    return as_json(rows[0][0])


def as_json(name: str) -> HttpResponse:
    response = JsonResponse({"user": name})
    response["Content-Length"] = len(response.content)  # otherwise a middleware's work
    return response


urlpatterns = [
    path("healthz", healthz),
    path("api/who/", answer),
    path("rest/", RestView.as_view()),
    path("statement/<int:user>/", statement),
]


def sign_in(user: AbstractUser) -> dict[str, str]:
    return {"access": str(user.pk), "refresh": ""}
