"""The issuer's public keys (RFC 7517). A key knows its algorithm; a token never chooses one."""

from collections.abc import Collection
from dataclasses import dataclass, field

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from latchkey_verifier.jws import KID, json_object

#: Key type and curve of each algorithm that Latchkey can sign with.
ALGORITHMS = {"ES256": ("EC", "P-256"), "RS256": ("RSA", None), "EdDSA": ("OKP", "Ed25519")}
PUBLIC = ("kty", "crv", "x", "y", "n", "e")
SECRET = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
RSA_BITS = range(3072, 8193)  # ASVS 5.0, 11.2.3; more would only be slow
MOST_KEYS = 32


@dataclass(frozen=True)
class Key:
    """One public key; two that are equal verify the same signatures."""

    kid: str
    algorithm: str
    numbers: tuple[object, ...]
    jwk: jwt.PyJWK = field(compare=False, repr=False)

    def verifies(self, text: bytes, signature: bytes) -> bool:
        """Return whether this key made the signature of the text, by its own algorithm."""
        return self.jwk.Algorithm.verify(text, self.jwk.key, signature)


def read_keys(document: bytes, algorithms: Collection[str]) -> dict[str, Key]:
    """Return the keys of the set by `kid`, without those that are for something else.

    Raises ValueError for what is no set of keys, or names two keys alike.
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
    """Return the key, or None if it is not one that access tokens are signed with."""
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
