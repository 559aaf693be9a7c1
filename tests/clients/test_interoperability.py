"""Verifiers of other projects accept the site's tokens and can read its status lists."""

import dataclasses
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.libraries import (
    Claims,
    Reader,
    RefusedError,
    TokenQuery,
    bit,
    in_node,
    with_jose,
    with_joserfc,
    with_jwcrypto,
    with_pyjwt,
)
from tests.support.processes import issuer
from tests.support.servers import wait_until
from tests.support.site import Site

KINDS = {"ES256": "EC", "RS256": "RSA", "EdDSA": "OKP"}


@pytest.fixture(scope="module", params=KINDS)
def algorithm(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def site(algorithm: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    state = tmp_path_factory.mktemp(algorithm)
    with issuer(state, TOKEN_ALGORITHM=algorithm, STATUS_LIST_MAX_AGE="5") as site:
        yield site


@pytest.fixture(
    params=[
        "joserfc",
        "jwcrypto",
        "PyJWT",
        pytest.param("jose in Node", marks=pytest.mark.node),
    ]
)
def reader(request: pytest.FixtureRequest) -> Reader:
    if request.param == "jose in Node":
        return with_jose(request.getfixturevalue("node"))
    readers = {"joserfc": with_joserfc, "jwcrypto": with_jwcrypto, "PyJWT": with_pyjwt}
    return readers[request.param]


def access(site: Site, algorithm: str, pair: dict[str, Any]) -> TokenQuery:
    jwks = f"{site.url}/.well-known/jwks.json"
    return TokenQuery(jwks, algorithm, "at+jwt", pair["access"], issuer=site.url, audience=site.url)


def status_list(site: Site, algorithm: str, claims: Claims) -> TokenQuery:
    """Fetch the list that the claims name, and check its content type."""
    place = claims["status"]["status_list"]
    answer = httpx.get(place["uri"])
    assert answer.headers["Content-Type"] == "application/statuslist+jwt"
    return TokenQuery(f"{site.url}/.well-known/jwks.json", algorithm, "statuslist+jwt", answer.text)


def test_the_key_set_has_the_configured_algorithm(site: Site, algorithm: str) -> None:
    answer = httpx.get(f"{site.url}/.well-known/jwks.json")
    assert answer.headers["Content-Type"] == "application/jwk-set+json"
    [key] = answer.json()["keys"]
    assert (key["kty"], key["alg"], key["use"]) == (KINDS[algorithm], algorithm, "sig")


@pytest.mark.spec("RFC 9068", "2.1", "2.2", "4")
@pytest.mark.spec("RFC 7517", "5")
def test_it_verifies_an_access_token_with_the_key_set_only(
    site: Site, algorithm: str, reader: Reader
) -> None:
    claims = reader(access(site, algorithm, site.login("alice")))
    assert (claims["iss"], claims["aud"]) == (site.url, site.url)
    assert (claims["token_type"], claims["roles"]) == ("access", ["shipping"])


def altered(token: str) -> str:
    head, claims, signature = token.split(".")
    return f"{head}.{claims[:-9]}{'A' if claims[-9] != 'A' else 'B'}{claims[-8:]}.{signature}"


def test_it_refuses_invalid_tokens(site: Site, algorithm: str, reader: Reader) -> None:
    """The test above would pass for a verifier that accepts every token."""
    pair = site.login("alice")
    good = access(site, algorithm, pair)
    for bad in (
        dataclasses.replace(good, token=altered(pair["access"])),
        dataclasses.replace(good, token=pair["refresh"]),
        dataclasses.replace(good, audience="https://b.example"),
        dataclasses.replace(good, issuer="https://b.example"),
        dataclasses.replace(good, typ="statuslist+jwt"),
        dataclasses.replace(good, algorithm="ES512"),
    ):
        with pytest.raises(RefusedError):
            reader(bad)


@pytest.mark.spec("Token Status List", "4.1", "5.1")
def test_it_finds_a_revoked_session_in_the_status_list(
    site: Site, algorithm: str, reader: Reader
) -> None:
    ended, goes_on = site.login("alice"), site.login("alice")
    claims = [reader(access(site, algorithm, pair)) for pair in (ended, goes_on)]
    first, second = (said["status"]["status_list"]["idx"] for said in claims)
    read = reader(status_list(site, algorithm, claims[0]))
    assert read["sub"] == claims[0]["status"]["status_list"]["uri"]
    assert (bit(read, first), bit(read, second)) == (0, 0)
    site.logout(ended)

    def bits() -> tuple[int, int]:
        row = reader(status_list(site, algorithm, claims[0]))
        return bit(row, first), bit(row, second)

    wait_until(lambda: bits() == (1, 0), seconds=20)


@pytest.mark.node
def test_node_decompresses_the_status_list(site: Site, algorithm: str, node: Path) -> None:
    pair = site.login("alice")
    said = with_jose(node)(access(site, algorithm, pair))
    index = said["status"]["status_list"]["idx"]
    site.logout(pair)

    def ended() -> bool:
        query = status_list(site, algorithm, said)
        return bool(in_node(node, query, index=index)["bit"] == 1)

    wait_until(ended, seconds=20)


THREE_LINES = """
import sys
from latchkey_verifier import Verifier
print(Verifier(issuer=sys.argv[1], audience=sys.argv[1]).verify(sys.argv[2]))
"""


def test_the_shipped_verifier_gives_the_same_results(
    site: Site, algorithm: str, installed: Path
) -> None:
    pair = site.login("alice")
    command = [sys.executable, "-c", THREE_LINES, site.url, pair["access"]]
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    printed = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert f"sid={pair['session']!r}" in printed.stdout
    assert "roles=('shipping',)" in printed.stdout
