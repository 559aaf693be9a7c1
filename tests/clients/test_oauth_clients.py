"""OAuth clients that we did not write use every OAuth endpoint of the running site, unchanged."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.support.oauth_clients import (
    ACCESS_TOKEN,
    Account,
    OAuthClient,
    OAuthRefusedError,
    WithAuthlib,
    WithOpenidClient,
    WithRequestsOAuthlib,
)
from tests.support.processes import create_service, issuer
from tests.support.site import Site

SITE, PAYMENTS = "https://id.example.org", "https://payments.example.org"
SCOPES = '{"orders:read": "Read orders.", "orders:write": "Change orders."}'


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    settings = {"TOKEN_AUDIENCE": f"{SITE},{PAYMENTS}", "TOKEN_SCOPES": SCOPES}
    with issuer(tmp_path_factory.mktemp("site"), **settings) as site:
        yield site


@pytest.fixture(scope="module")
def account(site: Site) -> Account:
    scope, audience = "orders:read introspect", f"{SITE} {PAYMENTS}"
    return Account(site.url, *create_service(site, "orders", scope=scope, audience=audience))


LIBRARIES = [
    "Authlib, Basic",
    "Authlib, form",
    "requests-oauthlib",
    pytest.param("openid-client in Node", marks=pytest.mark.node),
]


def client_of(name: str, account: Account, request: pytest.FixtureRequest) -> OAuthClient:
    match name:
        case "Authlib, Basic":
            return WithAuthlib(account, "client_secret_basic")
        case "Authlib, form":
            return WithAuthlib(account, "client_secret_post")
        case "requests-oauthlib":
            return WithRequestsOAuthlib(account)
        case _:
            return WithOpenidClient(account, request.getfixturevalue("node"))


@pytest.fixture(params=LIBRARIES)
def client(
    account: Account, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> OAuthClient:
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")  # http, on loopback
    return client_of(request.param, account, request)


def status(site: Site, access: str) -> int:
    """Return the site's answer to a request with this access token."""
    headers = {"Authorization": f"Bearer {access}"}
    return httpx.get(f"{site.url}/api/example/", headers=headers).status_code


@pytest.mark.spec("RFC 6749", "2.3.1", "4.4.2", "4.4.3", "5.1")
@pytest.mark.spec("RFC 8414", "3.1")
def test_it_receives_a_token_for_itself(site: Site, client: OAuthClient) -> None:
    answer = client.client_credentials("orders:read")
    assert answer["token_type"].lower() == "bearer"
    assert answer["scope"] in ("orders:read", ["orders:read"])  # oauthlib splits it
    assert "refresh_token" not in answer
    assert status(site, answer["access_token"]) == 200


@pytest.mark.spec("RFC 6749", "6")
def test_it_refreshes_and_keeps_its_session(site: Site, client: OAuthClient) -> None:
    pair = site.login("alice")
    first = client.refresh(pair["refresh"])
    second = client.refresh(first["refresh_token"])
    assert status(site, second["access_token"]) == 200
    assert len({pair["refresh"], first["refresh_token"], second["refresh_token"]}) == 3


@pytest.mark.spec("RFC 8693", "2.1", "2.2.1")
def test_it_exchanges_the_token_of_a_person(
    site: Site, account: Account, client: OAuthClient
) -> None:
    pair = site.login("alice")
    answer = client.exchange(pair["access"], PAYMENTS)
    assert answer["issued_token_type"] == ACCESS_TOKEN
    claims = client.introspect(answer["access_token"])
    assert (claims["active"], claims["aud"], claims["sid"]) == (True, PAYMENTS, pair["session"])
    assert claims["act"] == {"sub": account.client_id}


@pytest.mark.spec("RFC 7662", "2.1", "2.2")
def test_it_introspects_tokens(site: Site, client: OAuthClient) -> None:
    pair = site.login("alice")
    access = client.introspect(pair["access"])
    assert (access["active"], access["sid"]) == (True, pair["session"])
    assert client.introspect(pair["refresh"])["active"]
    assert client.introspect("garbage") == {"active": False}


@pytest.mark.spec("RFC 7009", "2.1", "2.2")
@pytest.mark.parametrize("kind", ["refresh", "access"])
def test_it_revokes_a_session(site: Site, client: OAuthClient, kind: str) -> None:
    pair = site.login("alice")
    client.revoke(pair[kind])
    assert client.introspect(pair["refresh"]) == {"active": False}
    with pytest.raises(OAuthRefusedError, match="invalid_grant"):
        client.refresh(pair["refresh"])


@pytest.mark.spec("RFC 7009", "2.2")
def test_it_revokes_an_unknown_token_without_an_error(client: OAuthClient) -> None:
    client.revoke("garbage")


@pytest.mark.spec("RFC 6749", "5.2")
def test_it_understands_the_errors(site: Site, client: OAuthClient) -> None:
    with pytest.raises(OAuthRefusedError, match="invalid_scope"):
        client.client_credentials("orders:write")
    with pytest.raises(OAuthRefusedError, match="invalid_target"):
        client.exchange(site.login("alice")["access"], "https://unknown.example.org")
    with pytest.raises(OAuthRefusedError, match="invalid_grant"):
        client.refresh("garbage")


@pytest.mark.spec("RFC 6749", "5.2")
@pytest.mark.parametrize("library", LIBRARIES)
def test_it_understands_that_its_secret_is_wrong(
    account: Account,
    library: str,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """openid-client reports the challenge of the 401 instead of the code in the body."""
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    wrong = Account(account.site, account.client_id, f"{account.secret[:-1]}-")
    with pytest.raises(OAuthRefusedError, match=r"invalid_client|basic"):
        client_of(library, wrong, request).client_credentials("orders:read")


def test_the_metadata_names_every_endpoint_that_the_clients_used(account: Account) -> None:
    metadata: dict[str, Any] = account.metadata
    assert metadata["issuer"] == account.site
    for name in ("token", "revocation", "introspection"):
        assert metadata[f"{name}_endpoint"].startswith(f"{account.site}/oauth/")
