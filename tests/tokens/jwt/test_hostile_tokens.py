"""Tokens that we did not make, or that somebody altered: refused without a query."""

import base64
import hashlib
import hmac
import json
import re
import string
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.test import Client
from pytest_django import DjangoAssertNumQueries
from rest_framework_simplejwt.exceptions import TokenError

from accounts.models import User
from tests.conftest import API, row
from tokens.crypto.encoding import from_base64url
from tokens.crypto.subkeys import newest_subkeys
from tokens.errors import UnknownTokenError
from tokens.jwt.claims import MAX_TOKEN_LENGTH, AccessToken, RefreshToken, SessionToken
from tokens.keys.jwk import KeyPair, PrivateKey
from tokens.keys.keyring import keyring
from tokens.management.inspection import inspect
from tokens.models import Reason
from tokens.revocation.blacklist import blacklist

pytestmark = pytest.mark.django_db(transaction=True)


def encoded(data: Any) -> str:
    compact = json.JSONEncoder(separators=(",", ":"))
    raw = data if isinstance(data, bytes) else compact.encode(data).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def parts(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    read = jwt.api_jwt.decode_complete(token, options={"verify_signature": False})
    return read["header"], read["payload"]


def signed(header: dict[str, Any], payload: Any, key: bytes) -> str:
    """Return a JWS with HS256, whatever the header says."""
    text = f"{encoded(header)}.{encoded(payload)}"
    return f"{text}.{encoded(hmac.digest(key, text.encode(), hashlib.sha256))}"


def resigned_refresh(token: str, **changes: Any) -> str:
    """Return the token with other claims (None leaves one out), signed with the right key."""
    header, payload = parts(token)
    payload |= changes
    payload = {name: value for name, value in payload.items() if value is not None}
    return signed(header, payload, newest_subkeys().signature)


def resigned_access(token: str, **changes: Any) -> str:
    header, payload = parts(token)
    payload |= changes
    payload = {name: value for name, value in payload.items() if value is not None}
    return jwt.encode(payload, private_key(), algorithm="ES256", headers=header)


def signer() -> KeyPair:
    return keyring.current().signer


def private_key() -> PrivateKey:
    private = signer().private
    assert private is not None
    return private


def public_pem() -> bytes:
    public: ec.EllipticCurvePublicKey = signer().public
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def test_no_mutation_of_a_refresh_token_is_accepted_or_costs_a_query(
    api: API, alice: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    """Every character is changed, and every one is left out, one at a time."""
    pair = api.login(alice)
    token = pair["refresh"]
    with django_assert_num_queries(0):
        for position, character in enumerate(token):
            for other in ("", "A" if character != "A" else "B", chr(ord(character) ^ 1)):
                mutated = token[:position] + other + token[position + 1 :]
                assert api.refresh(mutated).status_code == 401, mutated
    assert row(pair).generation == 1
    assert api.rotated(token)["generation"] == 2


def test_no_mutation_of_an_access_token_is_accepted_or_costs_a_query(
    api: API, alice: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    token = api.login(alice)["access"]
    with django_assert_num_queries(0):
        for position in range(0, len(token), 3):
            mutated = token[:position] + chr(ord(token[position]) ^ 1) + token[position + 1 :]
            assert api.post("verify/", {"token": mutated}).status_code == 401, mutated


@pytest.mark.parametrize("kind", ["access", "refresh"])
def test_a_signature_has_one_spelling(api: API, alice: User, kind: str) -> None:
    """The last character has bits that mean nothing, and padding says nothing."""
    token = api.login(alice)[kind]
    known = AccessToken if kind == "access" else RefreshToken
    others = {*string.ascii_letters, *string.digits, *"-_"} - {token[-1]}
    for spelling in (*(token[:-1] + other for other in others), f"{token}=", f"{token}=="):
        with pytest.raises(TokenError):
            known(spelling)
    known(token)


@pytest.mark.parametrize("kind", ["access", "refresh"])
def test_a_token_of_an_unbearable_size_is_refused_whoever_has_signed_it(
    api: API, alice: User, kind: str
) -> None:
    pair = api.login(alice)
    known: type[SessionToken] = AccessToken if kind == "access" else RefreshToken
    resigned = resigned_access if kind == "access" else resigned_refresh
    known(resigned(pair[kind], more="x" * (MAX_TOKEN_LENGTH // 2)))
    with pytest.raises(TokenError, match="bearable size"):
        known(resigned(pair[kind], more="x" * MAX_TOKEN_LENGTH))


REFRESH_FORGERIES: dict[str, Callable[[str, str], str]] = {
    "no signature": lambda refresh, access: refresh.rpartition(".")[0] + ".",
    "algorithm none": lambda refresh, access: (
        f"{encoded({**parts(refresh)[0], 'alg': 'none'})}.{encoded(parts(refresh)[1])}."
    ),
    "another key": lambda refresh, access: signed(*parts(refresh), b"k" * 32),
    "an empty key": lambda refresh, access: signed(*parts(refresh), b""),
    "signed with the public key": lambda refresh, access: signed(*parts(refresh), public_pem()),
    "an unknown kid": lambda refresh, access: signed(
        {**parts(refresh)[0], "kid": "AAAAAAAAAAAA"},
        parts(refresh)[1],
        newest_subkeys().signature,
    ),
    "a kid that is no string": lambda refresh, access: signed(
        {**parts(refresh)[0], "kid": 1}, parts(refresh)[1], newest_subkeys().signature
    ),
    "no kid": lambda refresh, access: signed(
        {"alg": "HS256", "typ": "JWT"}, parts(refresh)[1], newest_subkeys().signature
    ),
    "another typ": lambda refresh, access: signed(
        {**parts(refresh)[0], "typ": "at+jwt"}, parts(refresh)[1], newest_subkeys().signature
    ),
    "a key of its own in the header": lambda refresh, access: signed(
        {**parts(refresh)[0], "jwk": {"kty": "oct", "k": encoded(b"k" * 32)}},
        parts(refresh)[1],
        b"k" * 32,
    ),
    "a header that the right key signed but that is not ours": lambda refresh, access: signed(
        {**parts(refresh)[0], "jku": "https://thief.example/jwks"},
        parts(refresh)[1],
        newest_subkeys().signature,
    ),
    "an unknown critical extension": lambda refresh, access: signed(
        {**parts(refresh)[0], "crit": ["exp"]}, parts(refresh)[1], newest_subkeys().signature
    ),
    "a header nested deep": lambda refresh, access: (
        f"{encoded(b'[' * 4000)}.{encoded(b'[' * 1000)}.{encoded(b'x')}"
    ),
    "claims that are a list": lambda refresh, access: signed(
        parts(refresh)[0], [1, 2], newest_subkeys().signature
    ),
    "an access token": lambda refresh, access: access,
    "an access token signed as a refresh token": lambda refresh, access: signed(
        parts(refresh)[0], parts(access)[1], newest_subkeys().signature
    ),
    "a megabyte short of the limit": lambda refresh, access: refresh + "A" * 60_000,
    "a token of another issuer": lambda r, a: resigned_refresh(r, iss="https://other.example"),
    "no user": lambda refresh, access: resigned_refresh(refresh, sub=None),
    "a user that is a number": lambda refresh, access: resigned_refresh(refresh, sub=1),
    "no session": lambda refresh, access: resigned_refresh(refresh, sid=None),
    "a session that is a number": lambda refresh, access: resigned_refresh(refresh, sid=1),
    "a session that is no UUID": lambda refresh, access: resigned_refresh(refresh, sid="x"),
    "no jti": lambda refresh, access: resigned_refresh(refresh, jti=None),
    "no expiry": lambda refresh, access: resigned_refresh(refresh, exp=None),
    "an expiry that is text": lambda refresh, access: resigned_refresh(refresh, exp="never"),
    "an expiry long past": lambda refresh, access: resigned_refresh(refresh, exp=1),
    "issued tomorrow": lambda r, a: resigned_refresh(r, iat=parts(r)[1]["iat"] + 86_400),
    "no generation": lambda refresh, access: resigned_refresh(refresh, gen=None),
    "a generation that is true": lambda refresh, access: resigned_refresh(refresh, gen=True),
    "generation zero": lambda refresh, access: resigned_refresh(refresh, gen=0),
    "a generation that is text": lambda refresh, access: resigned_refresh(refresh, gen="1"),
    "no token type": lambda refresh, access: resigned_refresh(refresh, token_type=None),
    "token type access": lambda refresh, access: resigned_refresh(refresh, token_type="access"),
}


ACCESS_FORGERIES: dict[str, Callable[[str, str], str]] = {
    "a refresh token": lambda access, refresh: refresh,
    "algorithm none": lambda access, refresh: (
        f"{encoded({**parts(access)[0], 'alg': 'none'})}.{encoded(parts(access)[1])}."
    ),
    "HS256 with the public key": lambda access, refresh: signed(
        {**parts(access)[0], "alg": "HS256"}, parts(access)[1], public_pem()
    ),
    "another private key": lambda access, refresh: jwt.encode(
        parts(access)[1],
        ec.generate_private_key(ec.SECP256R1()),
        algorithm="ES256",
        headers=parts(access)[0],
    ),
    "an unknown kid": lambda access, refresh: jwt.encode(
        parts(access)[1],
        private_key(),
        algorithm="ES256",
        headers={**parts(access)[0], "kid": "another"},
    ),
    "another typ": lambda access, refresh: jwt.encode(
        parts(access)[1],
        private_key(),
        algorithm="ES256",
        headers={**parts(access)[0], "typ": "JWT"},
    ),
    "another audience": lambda a, r: resigned_access(a, aud="https://other.example"),
    "no audience": lambda access, refresh: resigned_access(access, aud=None),
    "another issuer": lambda a, r: resigned_access(a, iss="https://other.example"),
    "no client": lambda access, refresh: resigned_access(access, client_id=None),
    "no roles": lambda access, refresh: resigned_access(access, roles=None),
    "an expiry long past": lambda access, refresh: resigned_access(access, exp=1),
    "token type refresh": lambda a, r: resigned_access(a, token_type="refresh"),
    "not ASCII": lambda access, refresh: access + "é",
    "three tokens": lambda access, refresh: f"{access} {access} {access}",
    "nothing": lambda access, refresh: "",
}


#: What is sent as which token, by what it is.
FORGERIES = {
    f"as {kind}: {name}": (kind, forge)
    for kind, forgeries in (("refresh", REFRESH_FORGERIES), ("access", ACCESS_FORGERIES))
    for name, forge in forgeries.items()
}


@pytest.mark.trap(18, 38, 39)
@pytest.mark.spec("RFC 8725", "3.1", "3.2", "3.8", "3.9", "3.11", "3.12")
@pytest.mark.spec(
    "ASVS 5.0", "9.1.1", "9.1.2", "9.1.3", "9.2.1", "9.2.2", "9.2.3", "9.2.4", "10.3.1"
)
@pytest.mark.spec("RFC 6750", "3")
@pytest.mark.parametrize(("kind", "forge"), FORGERIES.values(), ids=FORGERIES)
def test_a_forged_token_is_refused_without_a_query(
    api: API,
    alice: User,
    django_assert_num_queries: DjangoAssertNumQueries,
    *,
    kind: str,
    forge: Callable[[str, str], str],
) -> None:
    pair = api.login(alice)
    forged = forge(pair[kind], pair["access" if kind == "refresh" else "refresh"])
    with django_assert_num_queries(0):
        answer = api.refresh(forged) if kind == "refresh" else api.get("sessions/", bearer=forged)
    assert answer.status_code == 401
    assert answer.json()["code"] == "token_not_valid"
    assert answer["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    assert row(pair).revoked_at is None


def test_the_forger_of_these_tests_makes_good_tokens_when_nothing_is_changed(
    api: API, alice: User
) -> None:
    pair = api.login(alice)
    assert api.post("verify/", {"token": resigned_access(pair["access"])}).status_code == 200
    assert api.refresh(resigned_refresh(pair["refresh"])).status_code == 200


#: What our own key may have signed by mistake, by what is done to the text of the claims.
UNREADABLE: dict[str, Callable[[bytes], bytes]] = {
    "nothing": lambda text: b"",
    "no JSON": lambda text: b"{",
    "something after it": lambda text: text + b"x",
    "not UTF-8": lambda text: b"\xff\xfe",
    "UTF-16": lambda text: text.decode().encode("utf-16"),
    "nested deep": lambda text: b"[" * 2500 + b"]" * 2500,
    "a number of 5000 digits": lambda text: changed(text, b'"exp":', b"9" * 5000),
    "an expiry in the year 10000": lambda text: changed(text, b'"exp":', b"253402300800"),
    "an expiry beyond every calendar": lambda text: changed(text, b'"exp":', b"1" + b"0" * 30),
    "issued before 1970": lambda text: changed(text, b'"iat":', b"-1"),
    "not a number": lambda text: changed(text, b"{", b'"aside":NaN,'),
    "a claim twice": lambda text: changed(text, b"{", b'"sub":"somebody else",'),
    "a user without a name": lambda text: changed(text, b'"sub":', b'""'),
    "a user who is no UUID": lambda text: changed(text, b'"sub":', b'"x"'),
    "a jti without a character": lambda text: changed(text, b'"jti":', b'""'),
    "a jti that no database holds": lambda text: changed(text, b'"jti":', rb'"\u0000"'),
    "a jti that is half a character": lambda text: changed(text, b'"jti":', rb'"\ud800"'),
    "not before tomorrow": lambda text: changed(text, b"{", b'"nbf":%d,' % (time.time() + 86_400)),
    "not before a text": lambda text: changed(text, b"{", b'"nbf":"now",'),
    "not before true": lambda text: changed(text, b"{", b'"nbf":true,'),
}
UNREADABLE_ACCESS: dict[str, Callable[[bytes], bytes]] = {
    "a client without a name": lambda text: changed(text, b'"client_id":', b'""'),
    "roles that are numbers": lambda text: changed(text, b'"roles":', b"[1]"),
    "roles that are one text": lambda text: changed(text, b'"roles":', b'"editors"'),
}


def changed(text: bytes, after: bytes, value: bytes) -> bytes:
    """Return the text with this value after that; after an opening bracket it is one more claim."""
    head, _, rest = text.partition(after)
    if after != b"{":
        rest = rest[re.match(rb'"[^"]*"|\[[^]]*\]|[^,}]*', rest).end() :]  # type: ignore[union-attr]
    return head + after + value + rest


def signed_again(token: str, change: Callable[[bytes], bytes]) -> str:
    """Return the token with other text for its claims, signed with the right key of its kind."""
    head, body, _ = token.split(".")
    text = f"{head}.{encoded(change(from_base64url(body)))}"
    if parts(token)[0]["alg"] == "HS256":
        signature = hmac.digest(newest_subkeys().signature, text.encode(), "sha256")
    else:
        signature = signer().sign(text.encode())
    return f"{text}.{encoded(signature)}"


@pytest.mark.spec("RFC 7519", "4", "4.1.5", "7.2")
@pytest.mark.spec("RFC 8725", "3.10", "3.11")
@pytest.mark.parametrize(
    "change", (UNREADABLE | UNREADABLE_ACCESS).values(), ids=UNREADABLE | UNREADABLE_ACCESS
)
def test_claims_that_we_do_not_write_are_refused_although_our_key_signed_them(
    api: API, alice: User, *, change: Callable[[bytes], bytes]
) -> None:
    pair = api.login(alice)
    forged = signed_again(pair["access"], change)
    headers = {"Authorization": f"Bearer {forged}"}
    for path in ("/api/example/", "/api/auth/sessions/"):
        answer = api.client.get(path, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "token_not_valid")
    assert api.post("verify/", {"token": forged}).status_code == 401
    with pytest.raises(UnknownTokenError):
        blacklist(forged, Reason.ADMIN)
    assert inspect(forged).refusal
    assert api.get("sessions/", bearer=signed_again(pair["access"], bytes)).status_code == 200


@pytest.mark.parametrize("change", UNREADABLE.values(), ids=UNREADABLE)
def test_a_refresh_token_that_we_do_not_write_is_refused_although_our_key_signed_it(
    api: API, alice: User, *, change: Callable[[bytes], bytes]
) -> None:
    pair = api.login(alice)
    forged = signed_again(pair["refresh"], change)
    answer = api.refresh(forged)
    assert (answer.status_code, answer.json()["code"]) == (401, "token_not_valid")
    assert api.post("logout/", {"refresh": forged}).status_code == 204
    assert api.post("verify/", {"token": forged}).status_code == 401
    assert inspect(forged).refusal
    assert row(pair).revoked_at is None
    assert api.refresh(signed_again(pair["refresh"], bytes)).status_code == 200


def test_a_token_that_has_begun_to_be_good_is_believed(api: API, alice: User) -> None:
    access = api.login(alice)["access"]
    begun = resigned_access(access, nbf=parts(access)[1]["iat"])
    assert api.get("sessions/", bearer=begun).status_code == 200


#: Every call that an access token opens, or that says what one is worth.
OPENED: dict[str, tuple[str, str]] = {
    "logout all": ("post", "/api/auth/logout/all/"),
    "logout others": ("post", "/api/auth/logout/others/"),
    "sessions": ("get", "/api/auth/sessions/"),
    "a session": ("delete", "/api/auth/sessions/{sid}/"),
    "account": ("get", "/api/account/me/"),
    "change of the account": ("patch", "/api/account/me/"),
    "deletion": ("delete", "/api/account/me/"),
    "password": ("post", "/api/account/password/"),
    "a developer's own API": ("get", "/api/example/"),
    "a developer's own API, by role": ("get", "/api/example/editors/"),
}


@pytest.mark.trap(38, 39)
@pytest.mark.spec("RFC 9068", "4")
@pytest.mark.spec("ASVS 5.0", "10.3.1", "9.2.2", "9.2.3")
@pytest.mark.parametrize(("method", "path"), OPENED.values(), ids=OPENED)
@pytest.mark.parametrize("place", ["header", "cookie"])
def test_no_call_is_opened_by_a_forged_access_token(
    api: API, alice: User, *, method: str, path: str, place: str
) -> None:
    pair = api.login(alice)
    before = row(pair)
    for name, forge in ACCESS_FORGERIES.items():
        forged = forge(pair["access"], pair["refresh"])
        client = Client()
        headers = {"Authorization": f"Bearer {forged}"} if place == "header" else {}
        if place == "cookie":
            client.cookies["access"] = forged
        send = getattr(client, method)
        answer = send(path.format(sid=pair["session"]), {}, "application/json", headers=headers)
        assert answer.status_code == 401, name
    assert row(pair).revoked_at is before.revoked_at is None
    assert User.objects.get() == alice


#: Signing out is for genuine tokens, however old.
NOT_GENUINE = {
    name: REFRESH_FORGERIES[name] for name in REFRESH_FORGERIES if name != "an expiry long past"
}


@pytest.mark.trap(21)
@pytest.mark.parametrize("forge", NOT_GENUINE.values(), ids=NOT_GENUINE)
def test_a_forged_refresh_token_signs_nobody_out_and_verifies_as_nothing(
    api: API, alice: User, forge: Callable[[str, str], str]
) -> None:
    pair = api.login(alice)
    forged = forge(pair["refresh"], pair["access"])
    assert api.post("logout/", {"refresh": forged}).status_code == 204
    assert row(pair).revoked_at is None
    if forged != pair["access"]:
        assert api.post("verify/", {"token": forged}).status_code == 401
