"""How tokens are signed and read: SimpleJWT's backend, once for each kind of token.

All tokens of one key begin alike, with the header that we write, so a header is recognised and not
parsed: it chooses neither key nor algorithm (RFC 8725, sections 3.1, 3.10 and 3.12).
"""

import hmac
import json
import time
from abc import abstractmethod
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, ClassVar, TypeVar

import jwt
from jwt.api_jws import get_algorithm_by_name
from jwt.types import Options
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import (
    TokenBackendError,
    TokenBackendExpiredToken,
    TokenError,
)

from tokens.conf import conf
from tokens.keys import SigningKey, Subkeys, base64url, from_base64url

Backend = TypeVar("Backend", bound="KeyedBackend")


class KeyedBackend(TokenBackend):
    """One key and one kind of token. `decode` returns verified claims, with every one required.

    `decode(token, verify=False)` leaves out the expiry, and nothing else. It raises
    TokenBackendError for what is not a token of this key and kind.
    """

    signed_with: ClassVar[str]
    typ: ClassVar[str]
    required: ClassVar[tuple[str, ...]]

    def __init__(self, kid: str) -> None:
        have = conf()
        audience = have.audience if "aud" in self.required else None
        super().__init__(
            self.signed_with, issuer=have.issuer, audience=audience, leeway=have.leeway
        )
        self.opening = _opening(alg=self.signed_with, kid=kid, typ=self.typ)

    def encode(self, payload: dict[str, Any]) -> str:
        """Return the signed token (RFC 7515, section 7.1), issuer and audience filled in."""
        audience = {} if self.audience is None else {"aud": self.audience}
        claims = json.dumps({**payload, "iss": self.issuer, **audience}, separators=(",", ":"))
        text = f"{self.opening}{base64url(claims.encode())}"
        return f"{text}.{self.signature(text.encode())}"

    @abstractmethod
    def signature(self, text: bytes) -> str:
        """Return the signature of the header and the claims, in base64url."""


class AccessBackend(KeyedBackend):
    """Access tokens: ES256 by PyJWT, which others read too (RFC 9068)."""

    signed_with = "ES256"
    typ = "at+jwt"
    required = (
        *("iss", "aud", "sub", "exp", "iat", "jti", "sid", "client_id"),
        *("token_type", "roles", "rv", "auth_time"),
    )

    def __init__(self, key: SigningKey) -> None:
        super().__init__(key.kid)
        self.key = key

    def signature(self, text: bytes) -> str:
        return base64url(get_algorithm_by_name(self.algorithm).sign(text, self.key.private))

    def decode(self, token: Any, verify: bool = True) -> dict[str, Any]:
        options: Options = {"require": [*self.required], "verify_exp": verify}
        try:
            signature = token.rpartition(".")[2]
            if base64url(from_base64url(signature)) != signature:
                raise TokenBackendError("The last character has bits that mean nothing.")
            claims: dict[str, Any] = jwt.decode(
                token,
                self.key.public,
                algorithms=[self.algorithm],
                audience=self.audience,
                issuer=self.issuer,
                leeway=self.get_leeway(),
                options=options,
            )
        except jwt.ExpiredSignatureError as error:
            raise TokenBackendExpiredToken from error
        except (jwt.InvalidTokenError, ValueError) as error:
            raise TokenBackendError(str(error)) from error
        return claims


class RefreshBackend(KeyedBackend):
    """Refresh tokens: HS256 (RFC 7515, appendix A.1), which this site alone reads.

    Written out, because nothing of a token is to be parsed before its signature is verified.
    """

    signed_with = "HS256"
    typ = "JWT"
    required = ("iss", "sub", "exp", "iat", "jti", "sid", "gen", "token_type")

    def __init__(self, subkeys: Subkeys) -> None:
        super().__init__(subkeys.kid)
        self.subkeys = subkeys

    def signature(self, text: bytes) -> str:
        return base64url(hmac.digest(self.subkeys.signature, text, "sha256"))

    def decode(self, token: Any, verify: bool = True) -> dict[str, Any]:
        text, _, signature = token.rpartition(".")
        if not hmac.compare_digest(signature, self.signature(text.encode())):
            raise TokenBackendError("The signature is not ours.")
        claims = json.loads(from_base64url(text.removeprefix(self.opening)))
        if not isinstance(claims, dict) or not claims.keys() >= {*self.required}:
            raise TokenBackendError("Claims are missing.")
        texts = {type(claims[name]) for name in ("sub", "jti", "sid")}
        numbers = {type(claims[name]) for name in ("exp", "iat", "gen")}
        if claims["iss"] != self.issuer or texts != {str} or numbers != {int}:
            raise TokenBackendError("A claim is not as we write it.")
        now, leeway = time.time(), self.get_leeway().total_seconds()
        if claims["iat"] > now + leeway:
            raise TokenBackendError("The token is from the future.")
        if verify and claims["exp"] <= now - leeway:
            raise TokenBackendExpiredToken
        return claims


def backend_of(backends: Iterable[Backend], token: str | None) -> Backend:
    """Return the backend whose key the token names, the first one for a new token.

    Raises TokenError if it names none.
    """
    for backend in backends:
        if token is None or token.startswith(backend.opening):
            return backend
    raise TokenError("Token names no key of ours")


@lru_cache(maxsize=64)
def _opening(**header: str) -> str:
    text = json.dumps(header, sort_keys=True, separators=(",", ":"))
    return f"{base64url(text.encode())}."
