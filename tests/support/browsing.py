"""A page of a single-page app, which keeps its tokens in cookies and its CSRF token in memory."""

from dataclasses import dataclass, field
from http.cookies import Morsel
from typing import Any

from django.test import Client

from accounts.models import User
from tests.conftest import PASSWORD, Answer
from tokens.http import cookies


@dataclass
class App:
    """The app in one tab; another tab of the same browser shares its client."""

    client: Client = field(default_factory=lambda: Client(enforce_csrf_checks=True))
    csrf: str = ""

    def prepare(self) -> None:
        """Get the CSRF token, which any visitor may have."""
        answer = self.client.get("/api/auth/csrf/")
        assert answer.status_code == 200
        self.csrf = answer.json()["csrfToken"]

    def send(
        self, method: str, path: str, body: Any = None, *, csrf: str | None = None, **headers: str
    ) -> Answer:
        token = self.csrf if csrf is None else csrf
        if token:
            headers["X-CSRFToken"] = token
        call = getattr(self.client, method)
        kind = "application/json"
        return call(f"/api/{path}", body or {}, content_type=kind, headers=headers)

    def post(self, path: str, body: Any = None, **more: Any) -> Answer:
        return self.send("post", path, body, **more)

    def get(self, path: str, **headers: str) -> Answer:
        return self.client.get(f"/api/{path}", headers=headers)

    def login(self, user: User, **more: Any) -> Answer:
        if not self.csrf:
            self.prepare()
        body = {"username": user.username, "password": PASSWORD, "transport": "cookie"}
        return self.post("auth/login/", body, **more)

    def cookie(self, kind: cookies.TokenName) -> str:
        """What the browser has in this cookie, or nothing."""
        kept = self.client.cookies.get(cookies.cookie_name(kind))
        return kept.value if kept else ""

    def plant(self, kind: cookies.TokenName, value: str) -> None:
        """Put this into the cookie, as it may have been left there."""
        self.client.cookies[cookies.cookie_name(kind)] = value


def flags(morsel: "Morsel[str]") -> dict[str, Any]:
    """Return what makes the cookie the one it is."""
    names = ("path", "domain", "secure", "httponly", "samesite")
    return {name: morsel[name] for name in names}
