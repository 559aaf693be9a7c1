"""The subkeys of the secret key, for what this site alone reads; how a token is put together.

Every use has a subkey of its own (HKDF, RFC 5869), so that no two uses can be played off against
each other. A changed SECRET_KEY whose old value is among SECRET_KEY_FALLBACKS changes nothing for
a living token: it names its subkeys in the header `kid`.
"""

import hashlib
import hmac
from dataclasses import dataclass
from functools import lru_cache

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from tokens.crypto.encoding import base64url


@dataclass(frozen=True, repr=False)
class Subkeys:
    """What is derived from one secret key, 32 bytes each, and the public name of the set."""

    kid: str
    signature: bytes
    successor: bytes
    retry: bytes
    credentials: bytes
    signing_keys: bytes


@lru_cache(maxsize=16)
def _derive(secret_key: str) -> Subkeys:
    def subkey(use: str) -> bytes:
        info = f"latchkey refresh token: {use}".encode()
        return HKDF(SHA256(), length=32, salt=None, info=info).derive(secret_key.encode())

    return Subkeys(
        kid=base64url(subkey("kid")[:9]),
        signature=subkey("signature"),
        successor=subkey("successor"),
        retry=subkey("retry"),
        credentials=subkey("credentials"),
        signing_keys=subkey("signing keys"),
    )


def all_subkeys() -> tuple[Subkeys, ...]:
    """Return the subkeys of the secret key, then those of its fallbacks."""
    return tuple(map(_derive, (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)))


def newest_subkeys() -> Subkeys:
    """Return the subkeys that new tokens and tags are made with."""
    return _derive(settings.SECRET_KEY)


def mac(key: bytes, *parts: str) -> bytes:
    """Return HMAC-SHA256, 32 bytes, of the parts; where one ends and the next begins counts."""
    message = b"".join(len(part).to_bytes(4) + part for part in map(str.encode, parts))
    return hmac.digest(key, message, hashlib.sha256)


def credential_tag(subkeys: Subkeys, password_hash: str, username: str) -> bytes:
    """Return what binds a session to what its user signs in with, 32 bytes."""
    return mac(subkeys.credentials, password_hash, username)


def tag_subkeys(tag: bytes, password_hash: str, username: str) -> Subkeys | None:
    """Return the subkeys that made this tag of these credentials, or None if none did."""
    for subkeys in all_subkeys():
        if hmac.compare_digest(tag, credential_tag(subkeys, password_hash, username)):
            return subkeys
    return None
