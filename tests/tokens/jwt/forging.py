"""Tokens that the site did not issue, or that were altered."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tokens.crypto.subkeys import newest_subkeys
from tokens.keys.jwk import KeyPair, PrivateKey
from tokens.keys.keyring import keyring


def encoded(data: Any) -> str:
    compact = json.JSONEncoder(separators=(",", ":"))
    raw = data if isinstance(data, bytes) else compact.encode(data).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def parts(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    read = jwt.api_jwt.decode_complete(token, options={"verify_signature": False})
    return read["header"], read["payload"]


def signed(header: dict[str, Any], payload: Any, key: bytes) -> str:
    """Return a JWS that is signed with HS256. The header can name another algorithm."""
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
    "a kid that is not a string": lambda refresh, access: signed(
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
    "a header of another form that the right key signed": lambda refresh, access: signed(
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
    "a signature that is not ASCII": lambda refresh, access: refresh + "é",
    "a megabyte short of the limit": lambda refresh, access: refresh + "A" * 60_000,
    "a token of another issuer": lambda r, a: resigned_refresh(r, iss="https://other.example"),
    "no user": lambda refresh, access: resigned_refresh(refresh, sub=None),
    "a user that is a number": lambda refresh, access: resigned_refresh(refresh, sub=1),
    "no session": lambda refresh, access: resigned_refresh(refresh, sid=None),
    "a session that is a number": lambda refresh, access: resigned_refresh(refresh, sid=1),
    "a session that is not a UUID": lambda refresh, access: resigned_refresh(refresh, sid="x"),
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
