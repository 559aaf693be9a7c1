"""The cast of the OAuth tests: a service account with a secret, and the endpoints as forms."""

import base64
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import quote_plus

import pytest
from django.test import Client

from tests.conftest import Answer
from tokens.jwt.claims import AccessToken
from tokens.models import ServiceAccount, ServiceSecret
from tokens.service_accounts.accounts import create_secret

SITE = "http://localhost:8000"
PAYMENTS = "https://payments.example.org"
SCOPES = {
    "orders:read": "Read orders.",
    "orders:write": "Create and change orders.",
    "stock": "Read the stock.",
}


#: Well formed, and of no service account.
UNKNOWN_SECRET = "latchkey_" + "0" * 32 + "2wjyrI"


def basic(client_id: str, secret: str) -> str:
    """Return the header Authorization of HTTP Basic (RFC 6749, section 2.3.1)."""
    text = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    return f"Basic {base64.b64encode(text.encode()).decode()}"


@dataclass
class Service:
    """A service account and one of its secrets."""

    account: ServiceAccount
    row: ServiceSecret
    secret: str

    @property
    def client_id(self) -> str:
        return str(self.account.pk)

    @property
    def credentials(self) -> dict[str, str]:
        return {"client_id": self.client_id, "client_secret": self.secret}


class OAuth:
    """The OAuth endpoints, called as a client calls them."""

    def __init__(self) -> None:
        self.client = Client()

    def post(self, path: str, form: Any = None, **headers: str) -> Answer:
        if isinstance(form, dict):
            form = "&".join(f"{quote_plus(k)}={quote_plus(str(v))}" for k, v in form.items())
        return self.client.post(
            f"/oauth/{path}",
            form or "",
            content_type="application/x-www-form-urlencoded",
            headers=headers,
        )

    def token(self, service: Service | None = None, **form: str) -> Answer:
        return self.post("token", {**(service.credentials if service else {}), **form})

    def issued(self, service: Service | None = None, **form: str) -> AccessToken:
        """Ask for a token, which must succeed, and return the access token."""
        answer = self.token(service, **form)
        assert answer.status_code == 200, answer.content
        return AccessToken(answer.json()["access_token"])


@pytest.fixture(autouse=True)
def scopes_of_every_test(known_scopes: None) -> None:
    """Define the scopes and audiences in each of these tests."""


def create_service(name: str = "orders", *, scope: str = "", audience: str = "") -> Service:
    account = ServiceAccount.objects.create(name=name, scope=scope, audience=audience)
    row, secret = create_secret(account, lifetime=timedelta(days=365))
    return Service(account, row, secret)
