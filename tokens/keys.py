"""The keys: subkeys of the secret key for what this site alone reads, a key pair for access tokens.

Every use has a subkey of its own (HKDF, RFC 5869), so that no two uses can be played off against
each other. A changed SECRET_KEY whose old value is among SECRET_KEY_FALLBACKS changes nothing for
a living token: it names its subkeys in the header `kid`.
"""

import hashlib
import hmac
import os
import tempfile
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from jwt.algorithms import ECAlgorithm

from tokens.conf import conf


@dataclass(frozen=True, repr=False)
class Subkeys:
    """What is derived from one secret key, 32 bytes each, and the public name of the set."""

    kid: str
    signature: bytes
    successor: bytes
    retry: bytes
    credentials: bytes


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
    )


def all_subkeys() -> tuple[Subkeys, ...]:
    """Return the subkeys of the secret key, then those of its fallbacks."""
    return tuple(map(_derive, (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)))


def newest_subkeys() -> Subkeys:
    """Return the subkeys that new tokens and tags are made with."""
    return _derive(settings.SECRET_KEY)


def base64url(data: bytes) -> str:
    """Return base64url without padding (RFC 7515, section 2)."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def from_base64url(text: str) -> bytes:
    """Return what is encoded in base64url without padding; raise ValueError if nothing is."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


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


@dataclass(frozen=True, repr=False)
class SigningKey:
    """A private key of access tokens; `kid` is the thumbprint of its public half (RFC 7638)."""

    kid: str
    private: ec.EllipticCurvePrivateKey
    public: ec.EllipticCurvePublicKey


def signing_key() -> SigningKey:
    """Return the key of access tokens, made and kept at first use unless the settings bring one."""
    settings_ = conf()
    return _parse(settings_.ACCESS_KEY or _kept(settings_.ACCESS_KEY_FILE))


@lru_cache(maxsize=4)
def _parse(pem: str) -> SigningKey:
    try:
        private = load_pem_private_key(pem.encode(), password=None)
    except ValueError as error:
        raise ImproperlyConfigured("The key of access tokens is not an unencrypted PEM.") from error
    if not isinstance(private, ec.EllipticCurvePrivateKey) or private.curve.name != "secp256r1":
        raise ImproperlyConfigured("The key of access tokens must be on the curve P-256 (ES256).")
    public = private.public_key()
    return SigningKey(thumbprint(ECAlgorithm.to_jwk(public, as_dict=True)), private, public)


@lru_cache(maxsize=4)
def _kept(path: Path) -> str:
    """Return the PEM in the file; several processes that make it at once all get the same one."""
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        private = ec.generate_private_key(ec.SECP256R1())
        pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        with tempfile.NamedTemporaryFile(dir=path.parent) as draft:  # mode 0600
            draft.write(pem)
            draft.flush()
            os.fsync(draft.fileno())
            with suppress(FileExistsError):  # Another process was first: its key is the one.
                os.link(draft.name, path)
    return path.read_text()


def thumbprint(jwk: Mapping[str, str]) -> str:
    """Return the thumbprint of an elliptic-curve public key (RFC 7638, section 3)."""
    required = ",".join(f'"{name}":"{jwk[name]}"' for name in ("crv", "kty", "x", "y"))
    return base64url(hashlib.sha256(f"{{{required}}}".encode()).digest())
