"""The subkeys of the secret key, which sign refresh tokens and encrypt private keys.

Each use has a separate subkey (HKDF, RFC 5869), so the output of one use reveals nothing about
another. Refresh tokens name their subkeys in the header `kid`: they stay valid after SECRET_KEY
changes, as long as its old value is in SECRET_KEY_FALLBACKS.
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
    """The subkeys of one secret key, 32 bytes each, and `kid`, the public name of the set."""

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
    """Return the subkeys for new tokens and credential tags."""
    return _derive(settings.SECRET_KEY)


def mac(key: bytes, *parts: str) -> bytes:
    """Return the HMAC-SHA256 of the parts, 32 bytes. Each part is hashed with its length."""
    message = b"".join(len(part).to_bytes(4) + part for part in map(str.encode, parts))
    return hmac.digest(key, message, hashlib.sha256)


def credential_tag(subkeys: Subkeys, password_hash: str, username: str) -> bytes:
    """Return the tag that binds a session to its user's password and user name, 32 bytes."""
    return mac(subkeys.credentials, password_hash, username)


def tag_subkeys(tag: bytes, password_hash: str, username: str) -> Subkeys | None:
    """Return the subkeys under which these credentials have this tag, or None."""
    for subkeys in all_subkeys():
        if hmac.compare_digest(tag, credential_tag(subkeys, password_hash, username)):
            return subkeys
    return None
