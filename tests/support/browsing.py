"""A single-page app that keeps its tokens in cookies and its CSRF token in memory."""

from dataclasses import dataclass, field
from http.cookies import Morsel
from typing import Any

from django.test import Client

from accounts.models import User
from tests.conftest import PASSWORD, Answer
from tokens.http import cookies


@dataclass
class App:
    """The app in one tab. Another tab of the same browser shares its `client`."""

    client: Client = field(default_factory=lambda: Client(enforce_csrf_checks=True))
    csrf: str = ""

    def prepare(self) -> None:
        """Get the CSRF token, which does not require a sign-in."""
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
        """Return the value of this cookie in the browser, or ""."""
        cookie = self.client.cookies.get(cookies.cookie_name(kind))
        return cookie.value if cookie else ""

    def plant(self, kind: cookies.TokenName, value: str) -> None:
        """Set the cookie in the browser, like a value left by an earlier visit."""
        self.client.cookies[cookies.cookie_name(kind)] = value


def flags(morsel: "Morsel[str]") -> dict[str, Any]:
    """Return the attributes that must be the same to overwrite or delete a cookie."""
    names = ("path", "domain", "secure", "httponly", "samesite")
    return {name: morsel[name] for name in names}
