"""Plain Django views under /api/, as a developer would write them, and their URLs."""

import re
from typing import Any

from django.contrib.auth.decorators import (
    login_not_required,
    login_required,
    permission_required,
    user_passes_test,
)
from django.contrib.auth.mixins import LoginRequiredMixin, PermissionRequiredMixin
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template import engines
from django.urls import include, path, re_path
from django.views import View
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.generic import RedirectView
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.decorators import api_view, permission_classes
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from project.urls import handler400, handler403, handler404, handler500
from tests.support.shipped import urlpatterns as site
from tests.support.site import ROOT

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]

PERMISSION = "accounts.view_user"
FORM = "<form method=post>{% csrf_token %}</form>"


def who(request: HttpRequest) -> JsonResponse:
    """Answer with the user's id and roles from the token."""
    roles = sorted(getattr(request.user, "roles", []))
    return JsonResponse({"user": str(request.user.pk), "roles": roles})


@login_not_required
def public(request: HttpRequest) -> JsonResponse:
    return who(request)


@login_not_required
def public_roles(request: Any) -> JsonResponse:
    """Answer with `request.auth` in a public view, before and after it reads `request.user`."""
    before, roles = request.auth, sorted(request.user.roles)
    token_type = request.auth and request.auth["token_type"]
    return JsonResponse({"auths": [before, token_type], "roles": roles})


@api_view(["GET"])
@permission_classes([])
def rest_roles(request: Any) -> Response:
    token_type = request.auth and request.auth["token_type"]
    return Response({"auths": [None, token_type], "roles": sorted(request.user.roles)})


def documented(name: str) -> Any:
    """Return the function of this name in docs/protecting.md."""
    text = (ROOT / "docs/protecting.md").read_text()
    (code,) = [one for one in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if name in one]
    names: dict[str, Any] = {"__name__": "shop.views"}
    exec(code, names)  # noqa: S102  (it is the documented code that is tested)
    return names[name]


def by_row(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"user": request.user.get_username()})


def form(request: HttpRequest) -> HttpResponse:
    return HttpResponse(engines["django"].from_string(FORM).render({}, request))


async def who_later(request: HttpRequest) -> JsonResponse:
    user = await request.auser()
    return JsonResponse({"user": str(user.pk), "name": user.get_username()})


@login_not_required
async def public_later(request: HttpRequest) -> JsonResponse:
    return await who_later(request)


class WhoView(View):
    def get(self, request: HttpRequest) -> JsonResponse:
        return who(request)

    post = get


class SignedInView(LoginRequiredMixin, WhoView):
    pass


class PermittedView(PermissionRequiredMixin, WhoView):
    permission_required = PERMISSION


class SessionView(APIView):
    authentication_classes = [SessionAuthentication]

    def post(self, request: Request) -> Response:
        return Response({"user": str(request.user.pk)})


@api_view(["GET"])
def rest(request: Request) -> Response:
    return Response({"user": str(request.user.pk)})


plain = [
    path("function/", who),
    path("class/", WhoView.as_view()),
    path("login-required/", login_required(who)),
    path("mixin/", SignedInView.as_view()),
    path("permission/", permission_required(PERMISSION)(who)),
    path("permission-or-403/", permission_required(PERMISSION, raise_exception=True)(who)),
    path("permission-mixin/", PermittedView.as_view()),
    path("test/", user_passes_test(lambda user: user.is_staff)(who)),
    path("public/", public),
    path("public/roles/", public_roles),
    path("public/rest-roles/", rest_roles),
    path("public/exempt/", login_not_required(csrf_exempt(WhoView.as_view()))),
    path("exempt/", csrf_exempt(WhoView.as_view())),
    path("protect/", csrf_protect(WhoView.as_view())),
    path("row/", by_row),
    path("form/", form),
    path("later/", who_later),
    path("later/greeting/", documented("greeting")),
    path("later/login-required/", login_required(who_later)),
    path("later/public/", public_later),
    path("redirect/", RedirectView.as_view(url="/elsewhere/")),
]
urlpatterns = [
    path("api/plain/", include(plain)),
    re_path(r"^api/regex/$", who),
    path("api/rest/", rest),
    path("api/session/", SessionView.as_view()),
    path("page/", who),
    *site,
]


class Broken(BaseAuthentication):
    """An authentication class with a bug."""

    def authenticate(self, request: Request) -> None:
        raise ZeroDivisionError
