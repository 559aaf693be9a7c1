"""Key pairs of access tokens as JSON Web Keys, and their thumbprints (RFC 7517, RFC 7638)."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import structlog
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.api_jws import get_algorithm_by_name

from tokens.crypto.encoding import base64url
from tokens.models import SigningKey

PrivateKey: TypeAlias = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
#: The members that a thumbprint hashes, in this order (RFC 7638, section 3.2; RFC 8037).
THUMBPRINT_MEMBERS = {
    "EC": ("crv", "kty", "x", "y"),
    "RSA": ("e", "kty", "n"),
    "OKP": ("crv", "kty", "x"),
}

log = structlog.stdlib.get_logger("latchkey.keys")


@dataclass(frozen=True, eq=False, repr=False)
class KeyPair:
    """A parsed key pair. An unchanged row always gives the same object."""

    kid: str
    algorithm: str
    public: Any
    private: PrivateKey | None  # None if the secret key was changed without a fallback

    def sign(self, text: bytes) -> bytes:
        """Return the signature of the text (RFC 7518, section 3; RFC 8037, section 3.1)."""
        return get_algorithm_by_name(self.algorithm).sign(text, self.private)

    def has_signed(self, text: bytes, signature: bytes) -> bool:
        return get_algorithm_by_name(self.algorithm).verify(text, self.public, signature)


def public_jwk(algorithm: str, private: PrivateKey) -> dict[str, str]:
    """Return the public key as a JWK with the members of its thumbprint (RFC 7517, RFC 7518)."""
    jwk = get_algorithm_by_name(algorithm).to_jwk(private.public_key(), as_dict=True)
    return {name: jwk[name] for name in THUMBPRINT_MEMBERS[jwk["kty"]]}


def as_jwk(row: SigningKey) -> Mapping[str, str]:
    """Return the key as it appears in the published key set (RFC 7517, section 4)."""
    return {**row.public_jwk, "kid": row.kid, "alg": row.algorithm, "use": "sig"}


def thumbprint(jwk: Mapping[str, str]) -> str:
    """Return the thumbprint of a public key, SHA-256 in base64url (RFC 7638, section 3)."""
    required = {name: jwk[name] for name in THUMBPRINT_MEMBERS[jwk["kty"]]}
    text = json.dumps(required, separators=(",", ":"))
    return base64url(hashlib.sha256(text.encode()).digest())
