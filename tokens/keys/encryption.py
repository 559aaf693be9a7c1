"""Encrypt private keys for the database and parse them when they are read."""

import json
import secrets
from contextlib import suppress
from functools import lru_cache

import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)
from jwt.api_jws import get_algorithm_by_name

from tokens.crypto.subkeys import all_subkeys, newest_subkeys
from tokens.keys.jwk import Key, Private
from tokens.models import SigningKey

NONCE = 12  # bytes

log = structlog.stdlib.get_logger("latchkey.keys")


def parsed(row: SigningKey) -> Key:
    """Return the row's key pair; parsing takes milliseconds, so it is done once."""
    jwk = json.dumps(row.public_jwk, sort_keys=True)
    secret_keys = tuple(subkeys.signing_keys for subkeys in all_subkeys())
    return _parsed(row.kid, row.algorithm, jwk, bytes(row.private_key), secret_keys)


@lru_cache(maxsize=128)
def _parsed(
    kid: str, algorithm: str, jwk: str, private_key: bytes, secret_keys: tuple[bytes, ...]
) -> Key:
    public = get_algorithm_by_name(algorithm).from_jwk(jwk)
    private = decrypted(kid, private_key, secret_keys)
    if private is None:
        log.error("signing_key_unreadable", kid=kid)
    return Key(kid, algorithm, public, private)


def encrypted(private: Private, kid: str) -> bytes:
    """Return the private key under AES-256-GCM, its nonce in front."""
    der = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    nonce = secrets.token_bytes(NONCE)
    return nonce + AESGCM(newest_subkeys().signing_keys).encrypt(nonce, der, kid.encode())


def decrypted(kid: str, data: bytes, secret_keys: tuple[bytes, ...]) -> Private | None:
    """Return the private key, or None if none of the secret keys opens it."""
    for secret_key in secret_keys:
        with suppress(InvalidTag):
            der = AESGCM(secret_key).decrypt(data[:NONCE], data[NONCE:], kid.encode())
            return load_der_private_key(der, password=None)  # type: ignore[return-value]  # ours
    return None
