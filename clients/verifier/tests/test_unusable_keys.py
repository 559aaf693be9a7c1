"""A response that is not a key set, or a key for another purpose, verifies no token."""

import gzip
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from conftest import Clock
from cryptography.hazmat.primitives.asymmetric import ec
from issuer import AUDIENCE, JWKS, Issuer, Page, Pair, new_pair, rsa_key, signed
from jwt.algorithms import ECAlgorithm
from latchkey_verifier import Refusal, Verifier, VerifierUnavailable
from refusals import refusal


def moved(issuer: Issuer) -> Page:
    issuer.pages["/moved.json"] = issuer.pages[JWKS]
    return Page(b"", {"Location": f"{issuer.url}/moved.json"}, status=302)


BAD_RESPONSES: dict[str, Callable[[Issuer], Page]] = {
    "a redirect": moved,
    "an error that contains the keys": lambda i: Page(i.pages[JWKS].body, status=500),
    "a partial response": lambda i: Page(i.pages[JWKS].body, status=206),
    "compressed": lambda i: Page(gzip.compress(i.pages[JWKS].body), {"Content-Encoding": "gzip"}),
    "huge": lambda i: Page(i.pages[JWKS].body + b" " * 65_536),
    "empty": lambda i: Page(b""),
    "an HTML page": lambda i: Page(b"<!doctype html>"),
    "a list": lambda i: Page(b"[]"),
    "keys that are an object": lambda i: Page(b'{"keys": {}}'),
    "invalid UTF-8": lambda i: Page(b'{"keys": [], "\xff": 1}'),
    "deeply nested": lambda i: Page(b'{"keys":' + b"[" * 20_000),
    "keys twice": lambda i: Page(b'{"keys": [], ' + i.pages[JWKS].body[1:]),
    "two keys with one kid": lambda i: Page(
        json.dumps({"keys": [i.pair.jwk, new_pair(i.pair.kid).jwk]}).encode()
    ),
    "too many keys": lambda i: Page(
        json.dumps({"keys": [{**i.pair.jwk, "kid": f"k{n}"} for n in range(33)]}).encode()
    ),
}


@pytest.mark.parametrize("make", BAD_RESPONSES.values(), ids=BAD_RESPONSES)
def test_a_response_that_is_not_a_key_set_is_unavailable(
    issuer: Issuer, verifier: Verifier, clock: Clock, make: Callable[[Issuer], Page]
) -> None:
    working = issuer.pages[JWKS]
    issuer.pages[JWKS] = make(issuer)
    with pytest.raises(VerifierUnavailable):
        verifier.verify(issuer.token())
    assert issuer.calls == {JWKS: 1}
    issuer.pages[JWKS] = working
    clock.forward(10)
    verifier.verify(issuer.token())


def other_curve() -> dict[str, Any]:
    jwk: dict[str, Any] = ECAlgorithm.to_jwk(
        ec.generate_private_key(ec.SECP384R1()).public_key(), as_dict=True
    )
    return {**jwk, "key_ops": ["verify"], "kid": "key-2"}


def short_rsa() -> dict[str, Any]:
    return Pair("key-2", "RS256", rsa_key(2048)).jwk


UNSUITABLE: dict[str, Callable[[], Any]] = {
    "a secret": lambda: {"kty": "oct", "k": "c2VjcmV0", "kid": "key-2"},
    "a secret in a public key": lambda: {**new_pair("key-2").jwk, "k": "c2VjcmV0"},
    "a private key": lambda: {**new_pair("key-2").jwk, "d": "c2VjcmV0"},
    "an encryption key": lambda: {**new_pair("key-2").jwk, "use": "enc"},
    "a key for other operations": lambda: {**new_pair("key-2").jwk, "key_ops": ["encrypt"]},
    "operations that are a number": lambda: {**new_pair("key-2").jwk, "key_ops": 1},
    "another curve": other_curve,
    "another algorithm": lambda: {**new_pair("key-2").jwk, "alg": "ES384"},
    "an algorithm of another key type": lambda: {**new_pair("key-2").jwk, "alg": "HS256"},
    "a short key": short_rsa,
    "a point off the curve": lambda: {**new_pair("key-2").jwk, "x": "A" * 43},
    "a coordinate that is a number": lambda: {**new_pair("key-2").jwk, "x": 1},
    "a coordinate missing": lambda: {"kty": "EC", "crv": "P-256", "x": "A" * 43, "kid": "key-2"},
    "no kid": lambda: {**new_pair("key-2").jwk, "kid": None},
    "a kid that is a path": lambda: {**new_pair("key-2").jwk, "kid": "../key"},
    "a list": list,
    "a key type that is a list": lambda: {**new_pair("key-2").jwk, "kty": ["EC"]},
}


@pytest.mark.spec("ASVS 5.0", "11.2.3")
@pytest.mark.parametrize("make", UNSUITABLE.values(), ids=UNSUITABLE)
def test_unsuitable_keys_are_skipped_and_the_others_used(
    issuer: Issuer, verifier: Verifier, make: Callable[[], Any]
) -> None:
    issuer.pages[JWKS].body = json.dumps({"keys": [make(), issuer.pair.jwk]}).encode()
    verifier.verify(issuer.token())
    assert refusal(verifier, issuer.token(header={"kid": "key-2"})) is Refusal.UNKNOWN_KEY


def test_a_long_rsa_key_verifies(issuer: Issuer, verifier: Verifier) -> None:
    """So the short RSA key in the table is refused because of its length only."""
    issuer.pair = Pair("key-2", "RS256", rsa_key(3072))
    issuer.publish(issuer.pair)
    verifier.verify(signed(issuer.header, issuer.claims(), issuer.pair))


def test_your_own_http_client_is_used_and_not_closed(issuer: Issuer) -> None:
    with httpx.Client(headers={"User-Agent": "orders"}, follow_redirects=True) as client:
        verifier = Verifier(issuer=issuer.url, audience=AUDIENCE, client=client)
        verifier.verify(issuer.token())
        assert not client.is_closed
        redirected = Verifier(issuer=issuer.url, audience=AUDIENCE, client=client)
        issuer.pages[JWKS] = moved(issuer)
        with pytest.raises(VerifierUnavailable):
            redirected.verify(issuer.token())
    assert issuer.calls == {JWKS: 2}
