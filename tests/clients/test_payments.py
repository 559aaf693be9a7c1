"""Two services and the real site: orders calls payments on behalf of the person."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.processes import create_service, example, issuer, orders
from tests.support.servers import Server, wait_until
from tests.support.site import Site

SITE, ORDERS, PAYMENTS = (f"https://{name}.example.org" for name in ("id", "orders", "payments"))
SCOPES = '{"payments:read": "See payments.", "payments:write": "Pay."}'
PUBLISHED = 1 + 5  # seconds: SNAPSHOT_INTERVAL and STATUS_LIST_MAX_AGE
POLLING = 1  # seconds that the requests of the test itself take at most
EXCHANGE = {
    "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
    "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
    "audience": PAYMENTS,
}


@dataclass
class Town:
    """The running site, both services, and the credentials of orders."""

    site: Site
    orders: Server
    payments: Server
    credentials: tuple[str, str]

    def sign_in(self, **more: str) -> dict[str, Any]:
        return self.site.login("alice", audience=ORDERS, **more)

    def exchange(self, subject: str, **more: str) -> httpx.Response:
        form = {**EXCHANGE, "subject_token": subject, **more}
        return httpx.post(f"{self.site.url}/oauth/token", data=form, auth=self.credentials)

    def order(self, token: str) -> str:
        """Order something and return the path under which it is paid."""
        answer = ask(self.orders, "POST", "/orders", token, {"item": "tea", "quantity": 2})
        assert answer.status_code == 201, answer.text
        return f"/orders/{answer.json()['id']}/pay"


def ask(service: Server, method: str, path: str, token: str, body: Any = None) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.request(method, service.url + path, headers=headers, json=body, timeout=30)


@pytest.fixture(scope="module")
def town(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    state = tmp_path_factory.mktemp("town")
    audiences = f"{SITE},{ORDERS},{PAYMENTS}"
    settings = {"TOKEN_SCOPES": SCOPES, "TOKEN_CLAIMS": "tests.support.claims.tenant"}
    with issuer(state, TOKEN_AUDIENCE=audiences, **settings) as site:
        client_id, secret = create_service(site, "orders", audience=PAYMENTS)
        account = {"CLIENT_ID": client_id, "CLIENT_SECRET": secret, "PAYMENTS_AUDIENCE": PAYMENTS}
        with (
            example("payments", state, installed, ISSUER=site.url, AUDIENCE=PAYMENTS) as payments,
            orders(
                state, installed, site.url, AUDIENCE=ORDERS, PAYMENTS_URL=payments.url, **account
            ) as shop,
        ):
            yield Town(site, shop, payments, (client_id, secret))


@pytest.mark.spec("RFC 8693", "2.1", "2.2.1", "4.1")
def test_orders_pays_on_behalf_of_the_person(town: Town) -> None:
    person = town.sign_in()["access"]
    order = ask(town.orders, "POST", "/orders", person, {"item": "tea", "quantity": 2}).json()
    paid = ask(town.orders, "POST", f"/orders/{order['id']}/pay", person)
    assert paid.status_code == 200
    assert paid.json() == {
        "payer": order["owner"],
        "order": order["id"],
        "amount": 6,
        "requested_by": town.credentials[0],
    }
    token = town.exchange(person).json()["access_token"]
    assert paid.json() in ask(town.payments, "GET", "/payments", token).json()


@pytest.mark.spec("RFC 9068", "4")
@pytest.mark.spec("RFC 8707", "2")
def test_a_token_for_orders_is_refused_by_payments(town: Town) -> None:
    person = town.sign_in()["access"]
    assert ask(town.orders, "GET", "/orders", person).status_code == 200
    refused = ask(town.payments, "GET", "/payments", person)
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    token = town.exchange(person).json()["access_token"]
    assert ask(town.payments, "GET", "/payments", token).status_code == 200
    assert ask(town.orders, "GET", "/orders", token).status_code == 401


PRINT_TENANT = """
import sys
from latchkey_verifier import Verifier
print(Verifier(issuer=sys.argv[1], audience=sys.argv[2]).verify(sys.argv[3]).custom)
"""


def test_custom_claims_reach_every_service(town: Town, installed: Path) -> None:
    person = town.sign_in()["access"]
    exchanged = town.exchange(person).json()["access_token"]
    for audience, token in ((ORDERS, person), (PAYMENTS, exchanged)):
        printed = subprocess.run(
            [sys.executable, "-c", PRINT_TENANT, town.site.url, audience, token],
            env={**os.environ, "PYTHONPATH": str(installed)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert "{'tenant': 'north'}" in printed.stdout


def test_nobody_else_pays_the_order(town: Town) -> None:
    path = town.order(town.sign_in()["access"])
    bob = town.site.login("bob", audience=ORDERS)["access"]
    assert ask(town.orders, "POST", path, bob).status_code == 404


@pytest.mark.trap(75)
def test_payments_requires_the_scope(town: Town) -> None:
    token = town.exchange(town.sign_in()["access"], scope="payments:read").json()["access_token"]
    body = {"order": 1, "amount": 1}
    refused = ask(town.payments, "POST", "/payments", token, body)
    assert refused.status_code == 403
    assert 'scope="payments:write"' in refused.headers["WWW-Authenticate"]
    limited = town.sign_in(scope="payments:read")["access"]
    assert ask(town.orders, "POST", town.order(limited), limited).status_code == 403


@pytest.mark.spec("ASVS 5.0", "7.4.1")
@pytest.mark.trap(75)
def test_both_services_refuse_an_ended_session_in_time(
    town: Town, capsys: pytest.CaptureFixture[str]
) -> None:
    """The site refuses the exchange immediately, and both services within the published time."""
    ended, other = town.sign_in(), town.sign_in()
    tokens = {
        "orders": (town.orders, "/orders", ended["access"]),
        "payments": (
            town.payments,
            "/payments",
            town.exchange(ended["access"]).json()["access_token"],
        ),
    }
    path = town.order(ended["access"])
    assert ask(town.orders, "POST", path, ended["access"]).status_code == 200
    for service, page, token in tokens.values():
        assert ask(service, "GET", page, token).status_code == 200
    town.site.logout(ended)
    began, waiting, took = time.monotonic(), dict(tokens), {}
    assert town.exchange(ended["access"]).json()["error"] == "invalid_request"

    def all_refuse() -> bool:
        for name, (service, page, token) in list(waiting.items()):
            if ask(service, "GET", page, token).status_code == 401:
                took[name] = time.monotonic() - began
                del waiting[name]
        return not waiting

    wait_until(all_refuse, seconds=PUBLISHED + POLLING)
    with capsys.disabled():
        print(", ".join(f"{name} refuses after {s:.1f} s" for name, s in took.items()))  # noqa: T201
    assert ask(town.orders, "POST", path, ended["access"]).status_code == 401
    assert ask(town.orders, "GET", "/orders", other["access"]).status_code == 200


def test_orders_answers_401_if_only_the_site_knows_of_the_end(town: Town) -> None:
    """The status list of orders is up to six seconds old, and the exchange reads the row."""
    person = town.sign_in()
    path = town.order(person["access"])
    town.site.logout(person)
    refused = ask(town.orders, "POST", path, person["access"])
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


def test_orders_answers_503_while_payments_is_away(
    town: Town, installed: Path, tmp_path: Path
) -> None:
    client_id, secret = town.credentials
    settings = {
        "AUDIENCE": ORDERS,
        "CLIENT_ID": client_id,
        "CLIENT_SECRET": secret,
        "PAYMENTS_URL": "http://127.0.0.1:9",
        "PAYMENTS_AUDIENCE": PAYMENTS,
    }
    person = town.sign_in()["access"]
    with orders(tmp_path, installed, town.site.url, **settings) as shop:
        number = ask(shop, "POST", "/orders", person, {"item": "tea", "quantity": 1}).json()["id"]
        away = ask(shop, "POST", f"/orders/{number}/pay", person)
        assert (away.status_code, away.headers["Retry-After"]) == (503, "1")
