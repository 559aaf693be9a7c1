"""Small pages that show and change a browser's session, as a developer would write them."""

from dataclasses import dataclass, field
from typing import cast

from django.conf import settings
from django.contrib.auth import authenticate, login, logout
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.test import Client
from django.urls import include, path

from accounts.browser.sign_in import change_password, device_session, sign_in
from accounts.errors import WrongPasswordError
from accounts.models import User
from tests.conftest import PASSWORD, Answer
from tokens.models import DeviceSession


def enter(request: HttpRequest) -> HttpResponse:
    """Sign in with the fields of the form."""
    user = authenticate(request, username=request.POST["name"], password=request.POST["password"])
    assert isinstance(user, User)
    if "remember" in request.POST:
        sign_in(request, user, remember=request.POST["remember"] == "yes")
    else:
        login(request, user)
    return HttpResponse(status=204)


def leave(request: HttpRequest) -> HttpResponse:
    logout(request)
    return HttpResponse(status=204)


def who(request: HttpRequest) -> HttpResponse:
    session = device_session(request)
    return JsonResponse(
        {"name": request.user.get_username(), "sid": str(session.sid) if session else ""}
    )


def greet(request: HttpRequest) -> HttpResponse:
    return HttpResponse(f"Hello, {request.user}!")


def change(request: HttpRequest) -> HttpResponse:
    try:
        change_password(request, current=request.POST["current"], new=request.POST["new"])
    except WrongPasswordError:
        return HttpResponse(status=400)
    return HttpResponse(status=204)


def idle(request: HttpRequest) -> HttpResponse:
    """Answer without reading the browser's session."""
    return HttpResponse(status=204)


handler500 = "project.web.errors.server_error"
urlpatterns = [
    path("enter/", enter),
    path("leave/", leave),
    path("who/", who),
    path("greet/", greet),
    path("change/", change),
    path("idle/", idle),
    path("", include("project.urls")),
]


@dataclass
class Browser:
    """A browser that opens these pages."""

    client: Client = field(default_factory=Client)

    def sign_in(self, name: str = "alice", password: str = PASSWORD, **more: str) -> Answer:
        return self.client.post("/enter/", {"name": name, "password": password, **more})

    @property
    def key(self) -> str:
        """The session key in the cookie, or ""."""
        cookie = self.client.cookies.get(settings.SESSION_COOKIE_NAME)
        return cookie.value if cookie else ""

    @property
    def name(self) -> str:
        """The name of the signed-in user, or ""."""
        return cast("str", self.client.get("/who/").json()["name"])

    @property
    def row(self) -> DeviceSession:
        """The device session of this browser."""
        return DeviceSession.objects.get(sid=self.client.get("/who/").json()["sid"])
