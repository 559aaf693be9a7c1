"""Sign and verify tokens: a backend of SimpleJWT for each kind of token.

All tokens of one key begin with the same header. The header is compared as text and not parsed, so
it cannot choose the key or the algorithm (RFC 8725, sections 3.1, 3.10 and 3.12). No part of a
token is parsed before its signature is verified.
"""

import hmac
import json
import re
import time
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any, ClassVar, NoReturn, TypeVar

from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import (
    ExpiredTokenError,
    TokenBackendError,
    TokenBackendExpiredToken,
    TokenError,
)

from tokens.conf import conf
from tokens.crypto.encoding import base64url, encoded_header, from_base64url, jws
from tokens.crypto.subkeys import Subkeys
from tokens.jwt.frozen import FrozenDict, freeze
from tokens.keys.jwk import KeyPair

Backend = TypeVar("Backend", bound="KeyedBackend")
#: The numbers in tokens are times and counters. Any of these fits into a date and a column.
NUMBERS = range(2**37)
UUID_TEXT = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def is_text(value: object) -> bool:
    """Return whether the value is a text, not empty, that a database can store."""
    return isinstance(value, str) and value != "" and value.isprintable()


def is_number(value: object) -> bool:
    return type(value) is int and value in NUMBERS


def are_roles(value: object) -> bool:
    return isinstance(value, tuple) and all(isinstance(role, str) for role in value)


def are_sids(value: object) -> bool:
    """Return whether it is a list of UUIDs in their usual form."""
    return isinstance(value, tuple) and all(
        isinstance(sid, str) and UUID_TEXT.fullmatch(sid) for sid in value
    )


def is_actor(value: object) -> bool:
    """Return whether it is an `act` claim (RFC 8693, section 4.1)."""
    return isinstance(value, FrozenDict) and is_text(value.get("sub"))


class KeyedBackend(TokenBackend):
    """Signs and verifies one kind of token with one key.

    `decode` returns verified claims, among them all required ones. It raises TokenBackendError if
    the token has another key or kind. `decode(token, verify=False)` skips the expiry of an access
    token, and every check of a refresh token except its signature and the form of its claims.
    """

    typ: ClassVar[str]
    #: The claims that a token must have, each with the check of its value.
    required: ClassVar[Mapping[str, Callable[[object], bool]]]

    def __init__(self, kid: str, algorithm: str) -> None:
        super().__init__(algorithm)
        self.encoded_header = encoded_header(alg=algorithm, kid=kid, typ=self.typ)

    def encode(self, payload: dict[str, Any]) -> str:
        """Return the signed token of these claims and the issuer."""
        return jws(self.encoded_header, {**payload, "iss": conf().issuer}, self.sign)

    def decode(self, token: Any, verify: bool = True) -> dict[str, Any]:
        claims, have = self.verified(token), conf()
        if claims["iss"] != have.issuer or not self.is_audience(claims.get("aud")):
            raise TokenBackendError("The token is from another site or for another audience.")
        now, leeway = time.time(), have.leeway.total_seconds()
        if max(claims["iat"], claims.get("nbf", 0)) > now + leeway:
            raise TokenBackendError("The token is from the future.")
        if verify and self.expiry_of(claims) <= now - leeway:
            raise TokenBackendExpiredToken
        return dict(claims)

    def claims_of(self, token: str, *, verify: bool) -> dict[str, Any]:
        """Return what `decode` returns, or raise TokenError, as the tokens do."""
        try:
            return self.decode(token, verify)
        except TokenBackendExpiredToken as error:
            raise ExpiredTokenError("Token is expired") from error
        except TokenBackendError as error:
            raise TokenError("Token is invalid") from error

    def expiry_of(self, claims: Mapping[str, Any]) -> float:
        """Return when this site stops accepting a token of these claims, in seconds since 1970."""
        return float(claims["exp"])

    def is_audience(self, audience: object) -> bool:
        """Return whether this site issues tokens of this kind for this audience."""
        return audience is None

    @abstractmethod
    def sign(self, text: bytes) -> bytes:
        """Return the signature of the header and the claims."""

    @abstractmethod
    def verified(self, token: str) -> Mapping[str, Any]:
        """Return the claims of a token that this key signed, or raise TokenBackendError."""


class AccessBackend(KeyedBackend):
    """Access tokens, signed with a key pair: other services can verify them too (RFC 9068)."""

    typ = "at+jwt"
    required = {
        **dict.fromkeys(("iss", "aud", "sub", "jti", "sid", "client_id", "token_type"), is_text),
        **dict.fromkeys(("exp", "iat", "rv", "auth_time"), is_number),
    }
    optional = {"roles": are_roles, "scope": is_text, "act": is_actor, "actor_sids": are_sids}

    def __init__(self, key: KeyPair) -> None:
        super().__init__(key.kid, key.algorithm)
        self.key = key

    def expiry_of(self, claims: Mapping[str, Any]) -> float:
        """Return the expiry. A lifetime that was shortened holds for older tokens too.

        The site forgets a revocation when every access token of the present lifetime has expired.
        """
        return float(min(claims["exp"], claims["iat"] + conf().access_lifetime.total_seconds()))

    def is_audience(self, audience: object) -> bool:
        return audience in conf().audiences

    def sign(self, text: bytes) -> bytes:
        return self.key.sign(text)

    def verified(self, token: str) -> Mapping[str, Any]:
        return _verify_signature(token, self.key)


@lru_cache(maxsize=4096)
def _verify_signature(token: str, key: KeyPair) -> Mapping[str, Any]:
    """Verify the signature and return the claims. Results are cached: clients repeat their token.

    Each request checks again everything that can change. Refused tokens are not cached, and a
    removed key is never passed. Requests share the claims, which are therefore immutable.
    """
    text, _, signature = token.rpartition(".")
    if not key.has_signed(text.encode(), decode_canonical(signature)):
        raise TokenBackendError("The signature is not ours.")
    claims = parse_claims(text, AccessBackend.required, AccessBackend.optional)
    if "roles" not in claims and claims["sub"] != claims["client_id"]:
        raise TokenBackendError("A person's token has no roles.")
    return claims


class RefreshBackend(KeyedBackend):
    """Refresh tokens, signed with HS256 (RFC 7515, appendix A.1): only this site verifies them."""

    typ = "JWT"
    required = {
        **dict.fromkeys(("iss", "sub", "jti", "sid", "token_type"), is_text),
        **dict.fromkeys(("exp", "iat", "gen"), is_number),
    }

    def __init__(self, subkeys: Subkeys) -> None:
        super().__init__(subkeys.kid, "HS256")
        self.subkeys = subkeys

    def sign(self, text: bytes) -> bytes:
        return hmac.digest(self.subkeys.signature, text, "sha256")

    def decode(self, token: Any, verify: bool = True) -> dict[str, Any]:
        """Return the claims. Without `verify` the token only has to be genuine, to end its session.

        Otherwise a sign-out would have no effect at a server with another TOKEN_ISSUER or a slow
        clock, and another server would still accept the token.
        """
        return super().decode(token) if verify else dict(self.verified(token))

    def verified(self, token: str) -> Mapping[str, Any]:
        text, _, signature = token.rpartition(".")
        if not hmac.compare_digest(signature, base64url(self.sign(text.encode()))):
            raise TokenBackendError("The signature is not ours.")
        return parse_claims(text, self.required)


#: One backend for each key: a backend has no other state.
access_backend = lru_cache(maxsize=64)(AccessBackend)
refresh_backend = lru_cache(maxsize=64)(RefreshBackend)


def decode_canonical(part: str) -> bytes:
    """Decode a part of a token from base64url, and refuse any spelling but the canonical one."""
    try:
        raw = from_base64url(part)
    except ValueError as error:
        raise TokenBackendError("A part is not base64url.") from error
    if base64url(raw) != part:
        raise TokenBackendError("The last character has unused bits that are set.")
    return raw


def parse_claims(
    text: str,
    required: Mapping[str, Callable[[object], bool]],
    optional: Mapping[str, Callable[[object], bool]] = MappingProxyType({}),
) -> Mapping[str, Any]:
    """Return the claims, which cannot be changed, of a text whose signature is verified.

    Raises TokenBackendError for claims that this site does not write, although its key signed them.
    """
    try:
        claims = freeze(STRICT.decode(decode_canonical(text.partition(".")[2]).decode()))
    except (ValueError, RecursionError) as error:
        raise TokenBackendError("The claims are not JSON.") from error
    if not isinstance(claims, FrozenDict) or not claims.keys() >= required.keys():
        raise TokenBackendError("Claims are missing.")
    checks = {**required, **{name: optional[name] for name in optional if name in claims}}
    if not all(is_ours(claims[name]) for name, is_ours in checks.items()):
        raise TokenBackendError("A claim is not as we write it.")
    if not is_number(claims.get("nbf", 0)):
        raise TokenBackendError("The claim nbf is not a time.")
    return claims


def unique_members(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    """Return the members of a JSON object, or raise ValueError if a name occurs twice."""
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("A name occurs twice.")
    return members


def reject_constant(text: str) -> NoReturn:
    """Refuse NaN and Infinity, which JSON does not allow (RFC 8259, section 6)."""
    raise ValueError(f"{text} is not JSON.")


STRICT = json.JSONDecoder(object_pairs_hook=unique_members, parse_constant=reject_constant)


def select_backend(backends: Iterable[Backend], token: str) -> Backend:
    """Return the backend whose key the token names, or raise TokenError."""
    for backend in backends:
        if token.startswith(backend.encoded_header):
            return backend
    raise TokenError("Token names no key of this site")
