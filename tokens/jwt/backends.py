"""How tokens are signed and read: SimpleJWT's backend, once for each kind of token.

All tokens of one key begin alike, with the header that we write, so a header is recognised and not
parsed: it chooses neither key nor algorithm (RFC 8725, sections 3.1, 3.10 and 3.12). Nothing of a
token is parsed before its signature is verified.
"""

import hmac
import json
import time
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, ClassVar, NoReturn, TypeVar

from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import (
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
#: The numbers in tokens are times and counters: whole, and within every calendar and column.
NUMBERS = range(2**37)


def is_text(value: object) -> bool:
    """Return whether it is some characters, all of which a database can hold."""
    return isinstance(value, str) and value != "" and value.isprintable()


def is_number(value: object) -> bool:
    return type(value) is int and value in NUMBERS


def are_roles(value: object) -> bool:
    return isinstance(value, tuple) and all(isinstance(role, str) for role in value)


class KeyedBackend(TokenBackend):
    """One key and one kind of token. `decode` returns verified claims, with every one required.

    `decode(token, verify=False)` leaves out the expiry, and nothing else. It raises
    TokenBackendError for what is not a token of this key and kind.
    """

    typ: ClassVar[str]
    #: What a token must have, and how each is recognised as written by us.
    required: ClassVar[Mapping[str, Callable[[object], bool]]]

    def __init__(self, kid: str, algorithm: str) -> None:
        have = conf()
        audience = have.audience if "aud" in self.required else None
        super().__init__(algorithm, issuer=have.issuer, audience=audience, leeway=have.leeway)
        self.encoded_header = encoded_header(alg=algorithm, kid=kid, typ=self.typ)

    def encode(self, payload: dict[str, Any]) -> str:
        """Return the signed token, issuer and audience filled in."""
        audience = {} if self.audience is None else {"aud": self.audience}
        return jws(self.encoded_header, {**payload, "iss": self.issuer, **audience}, self.sign)

    def decode(self, token: Any, verify: bool = True) -> dict[str, Any]:
        claims = self.verified(token)
        if claims["iss"] != self.issuer or claims.get("aud") != self.audience:
            raise TokenBackendError("The token is of or for another site.")
        now, leeway = time.time(), self.get_leeway().total_seconds()
        if max(claims["iat"], claims.get("nbf", 0)) > now + leeway:
            raise TokenBackendError("The token is from the future.")
        if verify and claims["exp"] <= now - leeway:
            raise TokenBackendExpiredToken
        return dict(claims)

    @abstractmethod
    def sign(self, text: bytes) -> bytes:
        """Return the signature of the header and the claims."""

    @abstractmethod
    def verified(self, token: str) -> Mapping[str, Any]:
        """Return the claims of a token that this key has signed, or raise TokenBackendError."""


class AccessBackend(KeyedBackend):
    """Access tokens: signed with a key pair, so that others can read them too (RFC 9068)."""

    typ = "at+jwt"
    required = {
        **dict.fromkeys(("iss", "aud", "sub", "jti", "sid", "client_id", "token_type"), is_text),
        **dict.fromkeys(("exp", "iat", "rv", "auth_time"), is_number),
        "roles": are_roles,
    }

    def __init__(self, key: KeyPair) -> None:
        super().__init__(key.kid, key.algorithm)
        self.key = key

    def sign(self, text: bytes) -> bytes:
        return self.key.sign(text)

    def verified(self, token: str) -> Mapping[str, Any]:
        return _verify_signature(token, self.key)


@lru_cache(maxsize=4096)
def _verify_signature(token: str, key: KeyPair) -> Mapping[str, Any]:
    """Return the claims, once the signature is verified: the same token comes over and over.

    Each request checks anew everything that can change. Refused tokens are not kept, and a key that
    was removed is never looked up. Requests share the claims, which therefore cannot be changed.
    """
    text, _, signature = token.rpartition(".")
    if not key.has_signed(text.encode(), decode_canonical(signature)):
        raise TokenBackendError("The signature is not ours.")
    return parse_claims(text, AccessBackend.required)


class RefreshBackend(KeyedBackend):
    """Refresh tokens: HS256 (RFC 7515, appendix A.1), which this site alone reads."""

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

    def verified(self, token: str) -> Mapping[str, Any]:
        text, _, signature = token.rpartition(".")
        if not hmac.compare_digest(signature, base64url(self.sign(text.encode()))):
            raise TokenBackendError("The signature is not ours.")
        return parse_claims(text, self.required)


def decode_canonical(part: str) -> bytes:
    """Return the bytes of a part of a token, of which there is one spelling only."""
    try:
        raw = from_base64url(part)
    except ValueError as error:
        raise TokenBackendError("A part is not base64url.") from error
    if base64url(raw) != part:
        raise TokenBackendError("The last character has bits that mean nothing.")
    return raw


def parse_claims(text: str, required: Mapping[str, Callable[[object], bool]]) -> Mapping[str, Any]:
    """Return the claims, which cannot be changed, of a text whose signature is verified.

    Raises TokenBackendError for what we do not write, although our key has signed it.
    """
    try:
        claims = freeze(STRICT.decode(decode_canonical(text.partition(".")[2]).decode()))
    except (ValueError, RecursionError) as error:
        raise TokenBackendError("The claims are no JSON.") from error
    if not isinstance(claims, FrozenDict) or not claims.keys() >= required.keys():
        raise TokenBackendError("Claims are missing.")
    if not all(is_ours(claims[name]) for name, is_ours in required.items()):
        raise TokenBackendError("A claim is not as we write it.")
    if not is_number(claims.get("nbf", 0)):
        raise TokenBackendError("It does not begin at any time.")
    return claims


def unique_members(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    """Return the members of a JSON object, or raise ValueError if a name comes twice."""
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("A name comes twice.")
    return members


def reject_constant(text: str) -> NoReturn:
    """Refuse NaN and Infinity, which are no JSON (RFC 8259, section 6)."""
    raise ValueError(f"{text} is no JSON.")


STRICT = json.JSONDecoder(object_pairs_hook=unique_members, parse_constant=reject_constant)


def select_backend(backends: Iterable[Backend], token: str | None) -> Backend:
    """Return the backend whose key the token names, the first one for a new token.

    Raises TokenError if it names none.
    """
    for backend in backends:
        if token is None or token.startswith(backend.encoded_header):
            return backend
    raise TokenError("Token names no key of ours")
