"""Forged, altered and unusual tokens."""

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from issuer import Issuer, Pair, encoded, new_pair, signed

Forge = Callable[[Issuer], str]


def hs256(issuer: Issuer, key: bytes, **header: str) -> str:
    """Return a token signed by HS256 with this key, such as the bytes of a public key."""
    text = f"{encoded({**issuer.header, 'alg': 'HS256', **header})}.{encoded(issuer.claims())}"
    return f"{text}.{encoded(hmac.digest(key, text.encode(), hashlib.sha256))}"


def public_pem(issuer: Issuer) -> bytes:
    public = issuer.pair.private.public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def foreign(issuer: Issuer) -> Pair:
    """Return another key pair with the `kid` of the issuer's."""
    return new_pair(issuer.pair.kid)


def resign(token: str, change: Callable[[bytes], bytes]) -> str:
    """Return the token with its signature changed by this function."""
    text, _, signature = token.rpartition(".")
    return f"{text}.{encoded(change(urlsafe_b64decode(signature + '==')))}"


def as_der(raw: bytes) -> bytes:
    return encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))


def tampered(issuer: Issuer) -> str:
    head, _, signature = issuer.token().split(".")
    return f"{head}.{encoded(issuer.claims(roles=['shipping']))}.{signature}"


def twice(name: str, first: str, second: str, issuer: Issuer) -> str:
    """Return a token whose JSON has this claim twice; a lenient parser would use the second."""
    claims = json.dumps(issuer.claims(**{name: None}))
    return signed(
        issuer.header, f'{{"{name}":{first},"{name}":{second},{claims[1:]}'.encode(), issuer.pair
    )


def uncanonical(token: str) -> str:
    """Return the token with an unused bit of its last character set."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return token[:-1] + alphabet[alphabet.index(token[-1]) + 1]


def place(issuer: Issuer, uri: str = "", index: object = 3) -> str:
    return issuer.token(status={"status_list": {"idx": index, "uri": uri or issuer.status_uri}})


def with_claim(name: str, value: object) -> Forge:
    return lambda issuer: issuer.token(**{name: value})  # type: ignore[arg-type]  # any claim


def with_index(value: object) -> Forge:
    return lambda issuer: place(issuer, index=value)
