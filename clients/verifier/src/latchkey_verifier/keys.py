"""The issuer's public keys (RFC 7517). The key determines the algorithm, never the token."""

from collections.abc import Collection
from dataclasses import dataclass, field

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from latchkey_verifier.jws import KID, json_object

#: The key type and curve of each algorithm that Latchkey supports.
ALGORITHMS = {"ES256": ("EC", "P-256"), "RS256": ("RSA", None), "EdDSA": ("OKP", "Ed25519")}
PUBLIC = ("kty", "crv", "x", "y", "n", "e")
SECRET = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
RSA_BITS = range(3072, 8193)  # at least 3072 (ASVS 5.0, 11.2.3); longer keys are slow
MOST_KEYS = 32


@dataclass(frozen=True)
class Key:
    """A public key. Equal keys verify the same signatures."""

    kid: str
    algorithm: str
    numbers: tuple[object, ...]
    jwk: jwt.PyJWK = field(compare=False, repr=False)

    def verifies(self, text: bytes, signature: bytes) -> bool:
        """Return whether the signature of the text is valid, by the key's algorithm."""
        return self.jwk.Algorithm.verify(text, self.jwk.key, signature)


def read_keys(document: bytes, algorithms: Collection[str]) -> dict[str, Key]:
    """Return the keys of a key set that can verify access tokens, by `kid`.

    Raises ValueError if the document is not a key set or two keys have the same `kid`.
    """
    listed = json_object(document).get("keys")
    if not isinstance(listed, list) or len(listed) > MOST_KEYS:
        raise ValueError("It is no set of keys.")
    keys = [key for jwk in listed if (key := _read_key(jwk, algorithms))]
    by_kid = {key.kid: key for key in keys}
    if len(by_kid) != len(keys):
        raise ValueError("Two keys have one name.")
    return by_kid


def _read_key(jwk: object, algorithms: Collection[str]) -> Key | None:
    """Return the key, or None if it cannot verify access tokens."""
    if not isinstance(jwk, dict) or SECRET & jwk.keys() or jwk.get("use", "sig") != "sig":
        return None
    kid, kind = jwk.get("kid"), (jwk.get("kty"), jwk.get("crv"))
    algorithm = next((name for name in algorithms if ALGORITHMS[name] == kind), None)
    if not isinstance(kid, str) or not KID.fullmatch(kid) or algorithm is None:
        return None
    uses = jwk.get("key_ops", ["verify"])
    if jwk.get("alg", algorithm) != algorithm or not isinstance(uses, list) or "verify" not in uses:
        return None
    try:
        parsed = jwt.PyJWK(jwk, algorithm)
    except (jwt.PyJWTError, ValueError, TypeError, KeyError):
        return None
    if isinstance(parsed.key, RSAPublicKey) and parsed.key.key_size not in RSA_BITS:
        return None
    return Key(kid, algorithm, tuple(jwk.get(name) for name in PUBLIC), parsed)
