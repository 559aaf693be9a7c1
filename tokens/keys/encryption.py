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
from tokens.keys.jwk import KeyPair, PrivateKey
from tokens.models import SigningKey

NONCE_SIZE = 12  # bytes

log = structlog.stdlib.get_logger("latchkey.keys")


def parse_key(row: SigningKey) -> KeyPair:
    """Return the row's key pair. Parsing takes milliseconds, so the result is cached."""
    jwk = json.dumps(row.public_jwk, sort_keys=True)
    secret_keys = tuple(subkeys.signing_keys for subkeys in all_subkeys())
    return _parse_key(row.kid, row.algorithm, jwk, bytes(row.private_key), secret_keys)


@lru_cache(maxsize=128)
def _parse_key(
    kid: str, algorithm: str, jwk: str, private_key: bytes, secret_keys: tuple[bytes, ...]
) -> KeyPair:
    public = get_algorithm_by_name(algorithm).from_jwk(jwk)
    private = decrypt(kid, private_key, secret_keys)
    if private is None:
        log.error("signing_key_unreadable", kid=kid)
    return KeyPair(kid, algorithm, public, private)


def encrypt(private: PrivateKey, kid: str) -> bytes:
    """Return the nonce, 12 bytes, followed by the private key encrypted with AES-256-GCM."""
    der = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    nonce = secrets.token_bytes(NONCE_SIZE)
    return nonce + AESGCM(newest_subkeys().signing_keys).encrypt(nonce, der, kid.encode())


def decrypt(kid: str, data: bytes, secret_keys: tuple[bytes, ...]) -> PrivateKey | None:
    """Return the private key, or None if none of the secret keys decrypts it."""
    for secret_key in secret_keys:
        with suppress(InvalidTag):
            der = AESGCM(secret_key).decrypt(data[:NONCE_SIZE], data[NONCE_SIZE:], kid.encode())
            return load_der_private_key(der, password=None)  # type: ignore[return-value]  # of a type that the site uses
    return None
