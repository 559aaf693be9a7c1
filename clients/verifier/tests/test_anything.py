"""Any input from clients or the issuer is accepted or refused, without another exception."""

import json
import string
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from issuer import AUDIENCE, JWKS, Issuer, encoded, new_pair, signed
from latchkey_verifier import Claims, TokenRefused, Verifier
from latchkey_verifier.jws import read
from latchkey_verifier.keys import ALGORITHMS, Key, read_keys
from latchkey_verifier.statuslist import StatusList, read_list

json_values = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(),
    lambda inner: some.lists(inner, max_size=4) | some.dictionaries(some.text(), inner, max_size=4),
    max_leaves=12,
)
quick = settings(deadline=None, max_examples=300)


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    issuer = Issuer()
    yield issuer
    issuer.close()


@pytest.fixture(scope="module")
def verifier(issuer: Issuer) -> Verifier:
    return Verifier(issuer=issuer.url, audience=AUDIENCE)


def changed(names: list[str]) -> some.SearchStrategy[dict[str, Any]]:
    """Return a strategy for dictionaries with some of these names and other names."""
    return some.dictionaries(some.sampled_from(names) | some.text(), json_values, max_size=4)


HEADERS = ["alg", "kid", "typ", "jwk", "crit", "b64"]
CLAIMS = ["iss", "aud", "sub", "exp", "iat", "nbf", "jti", "sid", "client_id", "roles", "rv"]


@quick
@given(some.text() | some.text(alphabet=string.ascii_letters + string.digits + "-_=.\n "))
def test_any_text_is_refused(verifier: Verifier, text: str) -> None:
    with pytest.raises(TokenRefused):
        verifier.verify(text)


@quick
@given(changed(HEADERS), changed([*CLAIMS, "token_type", "auth_time", "status"]))
def test_any_token_signed_by_our_key_is_accepted_or_refused(
    issuer: Issuer, verifier: Verifier, header: dict[str, Any], claims: dict[str, Any]
) -> None:
    with suppress(TokenRefused):
        token = signed({**issuer.header, **header}, {**issuer.claims(), **claims}, issuer.pair)
        assert isinstance(verifier.verify(token), Claims)


@quick
@given(some.binary(), some.binary(), some.binary())
def test_any_three_parts_are_refused(
    verifier: Verifier, head: bytes, body: bytes, signature: bytes
) -> None:
    with pytest.raises(TokenRefused):
        verifier.verify(f"{encoded(head)}.{encoded(body)}.{encoded(signature)}")


MEMBERS = ["kty", "crv", "x", "y", "n", "e", "alg", "use", "key_ops", "kid", "d", "x5c"]
JWKS_OF_EACH = [new_pair(f"key-{name}", name).jwk for name in ALGORITHMS]


@quick
@given(some.sampled_from(JWKS_OF_EACH), changed(MEMBERS), some.lists(json_values, max_size=3))
def test_any_key_set_is_read_or_refused(
    jwk: dict[str, Any], changes: dict[str, Any], others: list[Any]
) -> None:
    document = json.dumps({"keys": [*others, {**jwk, **changes}]}).encode()
    with suppress(ValueError):
        keys = read_keys(document, tuple(ALGORITHMS))
        assert all(isinstance(key, Key) for key in keys.values())


@quick
@given(changed(["sub", "iat", "exp", "ttl", "status_list"]))
def test_any_status_list_is_read_or_refused(issuer: Issuer, claims: dict[str, Any]) -> None:
    packed = {"bits": 1, "lst": "eNrbuRgAAhcBXQ"}
    token = issuer.list_token(**{"status_list": packed, **claims, "header": None})
    with suppress(TokenRefused):
        parts = read(token, typ="statuslist+jwt")
        sessions = read_list(parts, uri=issuer.status_uri, now=time.time(), leeway=10)
        assert isinstance(sessions, StatusList)


def test_the_other_tests_fetched_the_keys_at_most_twice(issuer: Issuer, verifier: Verifier) -> None:
    verifier.verify(issuer.token())
    assert issuer.calls == {JWKS: issuer.calls[JWKS]}
    assert issuer.calls[JWKS] <= 2
