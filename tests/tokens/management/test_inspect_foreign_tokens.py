"""`inspecttoken` distinguishes the tokens of other sites, addresses and keys."""

import json
from typing import Any

import pytest
from pytest_django import Settings

from accounts.models import User
from tests.conftest import API, Clock
from tests.tokens.management.conftest import Inspect
from tokens.crypto.encoding import base64url
from tokens.jwt.claims import MAX_TOKEN_LENGTH
from tokens.keys import lifecycle

pytestmark = pytest.mark.django_db(transaction=True)

FOREIGN = (
    "No current key of this site signed it, or a claim has a value that this site does not write."
)
FUTURE = "It was issued in the future, by the clock of this server: check the clocks."
LOST = "Its key is unknown: another site signed it, or this site has removed the key."


def jwt(header: object, claims: object) -> str:
    """Return a token without a valid signature."""
    parts = (base64url(json.dumps(part).encode()) for part in (header, claims))
    return ".".join((*parts, base64url(b"s" * 32)))


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "garbage",
        "a.b.c",
        "é.é.é",
        "\udcff\udcfe",
        "x" * 9000,
        jwt([], {}),
        jwt({}, "x"),
        base64url(b"[" * 4000) + ".e30.x",
        base64url(b"\xff\xfe") + ".e30.x",
    ],
    ids=[
        *("nothing", "garbage", "dots", "not ASCII", "not UTF-8", "long"),
        *("a list", "a text", "nested deep", "no text"),
    ],
)
def test_a_text_that_is_not_a_token_is_reported(db: None, inspect: Inspect, raw: str) -> None:
    assert inspect(raw) == (1, "kind: not a token\naccepted now: no\nIt is not a JWT.\n")


@pytest.mark.parametrize(
    ("length", "kind"),
    [(MAX_TOKEN_LENGTH, "foreign token, not verified"), (MAX_TOKEN_LENGTH + 1, "not a token")],
    ids=["the longest", "one character more"],
)
def test_a_text_longer_than_every_token_is_not_described(
    db: None, inspect: Inspect, length: int, kind: str
) -> None:
    text = "e30.e30."
    assert inspect(text + "s" * (length - len(text)))[1].startswith(f"kind: {kind}\n")


@pytest.mark.parametrize("kind", ["access", "refresh"])
def test_an_own_token_whose_signature_is_not_ascii_is_reported(
    api: API, alice: User, inspect: Inspect, kind: str
) -> None:
    text, _, _ = api.login(alice)[kind].rpartition(".")
    assert inspect(f"{text}.é") == (1, "kind: not a token\naccepted now: no\nIt is not a JWT.\n")


def test_the_last_of_several_foreign_tokens_is_described(db: None, inspect: Inspect) -> None:
    pasted = [jwt({"alg": "none"}, {"sub": name}) for name in ("first", "second", "last")]
    assert 'claims sub: "last"\n' in inspect(json.dumps(pasted))[1]


def test_a_foreign_token_is_described_safely(db: None, inspect: Inspect) -> None:
    claims = {
        "sub": "\x1b[2J",
        "exp": 1_700_000_000,
        "iat": "soon",
        "auth_time": 10**30,
        "jti": "a secret",
        "password": "another",
    }
    status, printed = inspect(jwt({"alg": "none", "jku": "https://evil.example"}, claims))
    assert status == 1
    assert printed.splitlines() == [
        "kind: foreign token, not verified",
        'header alg: "none"',
        'claims sub: "\\u001b[2J"',
        "claims exp: 1700000000 (2023-11-14 22:13:20 UTC)",
        'claims iat: "soon"',
        f"claims auth_time: {10**30}",
        "accepted now: no",
        FOREIGN,
    ]


ELSEWHERE = {"ISSUER": "https://id.example.org", "AUDIENCE": "https://id.example.org"}


@pytest.mark.parametrize("kind", ["access", "refresh"])
def test_an_own_token_of_another_url_is_explained(
    api: API, alice: User, inspect: Inspect, settings: Settings, kind: str
) -> None:
    phone = api.login(alice)
    settings.SIMPLE_JWT = {**settings.SIMPLE_JWT, **ELSEWHERE}
    for raw, sentence in {
        phone[kind]: "Its iss is http://localhost:8000, but this site's iss is"
        " https://id.example.org. Check whether PUBLIC_URL or PORT has changed.",
        phone[kind][:-6] + "AAAAAA": FOREIGN,
    }.items():
        status, printed = inspect(raw)
        assert (status, printed.splitlines()[-1]) == (1, sentence)


def test_a_refresh_token_from_the_future_is_explained(
    api: API, alice: User, inspect: Inspect, clock: Clock
) -> None:
    refresh = api.login(alice)["refresh"]
    clock.forward(seconds=-60)
    status, printed = inspect(refresh)
    assert (status, printed.splitlines()[-1]) == (1, FUTURE)


def test_a_token_for_another_audience_is_explained(
    api: API, alice: User, inspect: Inspect, settings: Settings
) -> None:
    access = api.login(alice)["access"]
    settings.SIMPLE_JWT = {**settings.SIMPLE_JWT, "AUDIENCE": "https://id.example.org"}
    assert "Its aud is http://localhost:8000, but this site's aud is" in inspect(access)[1]


def test_a_token_of_a_removed_access_key_is_explained(
    api: API, alice: User, inspect: Inspect
) -> None:
    access = api.login(alice)["access"]
    lifecycle.replace_all()
    assert inspect(access)[1].splitlines()[-1] == LOST


def test_a_token_of_a_removed_secret_key_is_explained(
    api: API, alice: User, inspect: Inspect, settings: Settings
) -> None:
    refresh = api.login(alice)["refresh"]
    settings.SECRET_KEY = "another-" * 8
    assert inspect(refresh)[1].splitlines()[-1] == LOST


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "ES256", "kid": "theirs", "typ": "at+jwt"},
        {"alg": "HS256", "kid": "k" * 43, "typ": "JWT"},
        {"alg": "HS256", "kid": ["k" * 12], "typ": "JWT"},
        {"alg": "ES256", "kid": "k" * 43, "typ": "dpop+jwt"},
        {"alg": "ES256", "typ": ["at+jwt"]},
    ],
    ids=["another name", "of the other kind", "no text", "another type", "none"],
)
def test_a_kid_of_another_form_is_foreign(
    db: None, inspect: Inspect, header: dict[str, Any]
) -> None:
    assert inspect(jwt(header, {}))[1].splitlines()[-1] == FOREIGN
