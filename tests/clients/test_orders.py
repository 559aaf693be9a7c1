"""A second service, in its own process, verifies the tokens of a running site."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from tests.support.processes import issuer, orders, token_of_alice
from tests.support.servers import Server, wait_until
from tests.support.site import Site

ITEM = {"item": "otter food", "quantity": 7}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with issuer(tmp_path_factory.mktemp("site"), STATUS_LIST_MAX_AGE="1") as site:
        yield site


@pytest.fixture(scope="module")
def shop(site: Site, installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with orders(tmp_path_factory.mktemp("orders"), installed, site.url, LEEWAY="0") as shop:
        yield shop


def ask(
    shop: Server, method: str, path: str, token: str | None, body: Any = None
) -> httpx.Response:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return httpx.request(method, shop.url + path, headers=headers, json=body, timeout=30)


def test_users_see_only_their_own_orders(site: Site, shop: Server) -> None:
    alice, bob = site.login("alice")["access"], site.login("bob")["access"]
    made = ask(shop, "POST", "/orders", bob, ITEM)
    assert made.status_code == 201
    order = made.json()
    assert order == {"id": order["id"], "owner": order["owner"], **ITEM, "shipped": False}
    assert ask(shop, "GET", "/orders", bob).json() == [order]
    assert ask(shop, "GET", "/orders", alice).json() == []


def test_only_the_role_shippers_may_ship(site: Site, shop: Server) -> None:
    alice, bob = site.login("alice")["access"], site.login("bob")["access"]
    number = ask(shop, "POST", "/orders", bob, ITEM).json()["id"]
    refused = ask(shop, "POST", f"/orders/{number}/ship", bob)
    assert refused.status_code == 403
    assert refused.json()["code"] == "permission_denied"
    shipped = ask(shop, "POST", f"/orders/{number}/ship", alice)
    assert (shipped.status_code, shipped.json()["shipped"]) == (200, True)
    assert ask(shop, "POST", "/orders/0/ship", alice).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {},
        {"item": "", "quantity": 1},
        {"item": "x" * 201, "quantity": 1},
        {"item": "a", "quantity": 0},
        {"item": "a", "quantity": True},
        {"item": "a", "quantity": "1"},
    ],
    ids=str,
)
def test_an_invalid_order_is_refused(site: Site, shop: Server, body: Any) -> None:
    assert ask(shop, "POST", "/orders", site.login("bob")["access"], body).status_code == 400


def altered(token: str) -> str:
    head, claims, signature = token.split(".")
    return f"{head}.{claims[:-2]}{'A' if claims[-2] != 'A' else 'B'}{claims[-1]}.{signature}"


def foreign(token: str) -> str:
    """Return the same token, signed by an attacker with everything except the key."""
    read = jwt.decode_complete(token, options={"verify_signature": False})
    key = ec.generate_private_key(ec.SECP256R1())
    return jwt.encode(read["payload"], key, algorithm="ES256", headers=read["header"])


BAD: dict[str, Callable[[Site], str]] = {
    "altered": lambda site: altered(site.login("alice")["access"]),
    "of a foreign key": lambda site: foreign(site.login("alice")["access"]),
    "a refresh token": lambda site: site.login("alice")["refresh"],
    "for another audience": lambda site: token_of_alice(site, TOKEN_AUDIENCE="https://b.example"),
    "of another issuer": lambda site: token_of_alice(site, TOKEN_ISSUER="https://b.example"),
    "no token at all": lambda site: "garbage",
}


@pytest.mark.spec("RFC 6750", "3", "3.1")
@pytest.mark.parametrize("make", BAD.values(), ids=BAD)
def test_a_bad_token_is_refused(site: Site, shop: Server, make: Callable[[Site], str]) -> None:
    answer = ask(shop, "GET", "/orders", make(site))
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


def test_a_token_is_refused_once_it_has_expired(site: Site, shop: Server) -> None:
    """This test waits one second, because it cannot move the clock of another process."""
    assert ask(shop, "GET", "/orders", token_of_alice(site)).status_code == 200
    token = token_of_alice(site, ACCESS_TOKEN_LIFETIME="1")
    wait_until(lambda: ask(shop, "GET", "/orders", token).status_code == 401, seconds=5)


@pytest.mark.spec("RFC 6750", "3")
def test_no_token_is_401_without_an_error_word(shop: Server) -> None:
    answer = ask(shop, "GET", "/orders", None)
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")


def test_only_the_health_endpoint_is_public(shop: Server) -> None:
    assert ask(shop, "GET", "/healthz", None).status_code == 200
    for path in ("/", "/nowhere", "/healthz/", "/orders/1/ship"):
        assert ask(shop, "GET", path, None).status_code == 401


@pytest.mark.spec("ASVS 5.0", "7.4.1")
def test_a_revoked_session_is_refused_within_the_stated_time(site: Site, shop: Server) -> None:
    """The list changes within a second and is fetched within another; the rest is a margin."""
    phone, laptop = site.login("alice"), site.login("alice")
    for pair in (phone, laptop):
        assert ask(shop, "GET", "/orders", pair["access"]).status_code == 200
    site.logout(phone)
    wait_until(lambda: ask(shop, "GET", "/orders", phone["access"]).status_code == 401, seconds=4)
    assert ask(shop, "GET", "/orders", laptop["access"]).status_code == 200


def test_without_the_site_only_revocation_checks_fail(installed: Path, tmp_path: Path) -> None:
    """Cached keys still verify new tokens; a cached list is used until it expires."""
    with (
        issuer(tmp_path, STATUS_LIST_MAX_AGE="3") as site,
        orders(tmp_path, installed, site.url, STATUS_LIST="ignore") as ignoring,
        orders(tmp_path, installed, site.url) as asking,
    ):
        seen, unseen = (site.login(name)["access"] for name in ("alice", "bob"))
        for shop in (ignoring, asking):
            assert ask(shop, "GET", "/orders", seen).status_code == 200
        site.stop()
        with pytest.raises(httpx.TransportError):
            httpx.get(f"{site.url}/healthz")
        assert ask(asking, "GET", "/orders", unseen).status_code == 200
        wait_until(lambda: ask(asking, "GET", "/orders", seen).status_code != 200, seconds=15)
        answer = ask(asking, "GET", "/orders", seen)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
        for token in (seen, unseen):
            assert ask(ignoring, "GET", "/orders", token).status_code == 200
