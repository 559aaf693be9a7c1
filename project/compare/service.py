"""Another service, which verifies access tokens as docs/verifying.md describes.

It has no database and no secret. It fetches the public keys and the status list from the site, and
caches both for as long as the answers allow.
"""

import re
import time
import zlib
from base64 import urlsafe_b64decode
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

import jwt

from project.compare.calls import Answer, Request
from tokens.conf import conf

ALGORITHMS = ["ES256", "RS256", "EdDSA"]
CLAIMS = ["iss", "sub", "aud", "exp", "iat", "jti", "sid", "client_id"]
KEY_SET = "/.well-known/jwks.json"
STALE_KEYS = 3600  # seconds for which keys stay in use when they cannot be fetched again
LARGEST_LIST = 1024 * 1024  # bytes


class UnavailableError(Exception):
    """A document is missing, and the site does not answer."""


@dataclass(frozen=True)
class Document:
    """A fetched document, with the times of the monotonic clock until which it may be used."""

    value: Any
    fresh_until: float
    stale_until: float


class Service:
    """Verifies access tokens. Threads may share it."""

    def __init__(
        self, fetch: Callable[[Request], Answer], *, audience: str, uses_list: bool = True
    ) -> None:
        self.fetch = fetch
        self.audience = audience
        self.uses_list = uses_list
        self.stale_keys = STALE_KEYS
        self.documents: dict[str, Document] = {}
        self.lock = Lock()

    def accepts(self, token: str) -> bool:
        """Return whether the token is valid, or raise UnavailableError."""
        try:
            claims = self.decode(token, typ="at+jwt", audience=self.audience, issuer=conf().issuer)
        except jwt.InvalidTokenError:
            return False
        place = claims.get("status")
        if place is None or not self.uses_list:
            return True
        return not self.has_ended(place["status_list"])

    def decode(self, token: str, *, typ: str, **expected: Any) -> Any:
        """Return the claims of a token of this type, or raise jwt.InvalidTokenError."""
        header = jwt.get_unverified_header(token)
        keys = self.cached(KEY_SET, self.load_keys)
        if header.get("typ") != typ or header.get("kid") not in keys:
            raise jwt.InvalidTokenError
        required = CLAIMS if expected else ["sub", "exp", "iat"]
        options: Any = {"require": required}
        key = keys[header["kid"]]
        return jwt.decode(token, key, ALGORITHMS, options=options, leeway=10, **expected)

    def has_ended(self, place: dict[str, Any]) -> bool:
        """Return the bit of the session in its status list: the lowest bit comes first."""
        uri = place["uri"]
        bits = self.cached(urlsplit(uri).path, lambda answer: self.load_list(answer, uri))
        byte, bit = divmod(place["idx"], 8)
        return byte >= len(bits) or bool(bits[byte] >> bit & 1)

    def cached(self, path: str, load: Callable[[Answer], Document]) -> Any:
        """Return the document. Fetch it again if it is not fresh."""
        with self.lock:
            known, now = self.documents.get(path), time.monotonic()
            if known and now < known.fresh_until:
                return known.value
        try:
            loaded = load(self.fetch(Request(path)))
        except (OSError, UnavailableError, jwt.InvalidTokenError) as error:
            if known and now < known.stale_until:
                return known.value
            raise UnavailableError(path) from error
        with self.lock:
            self.documents[path] = loaded
        return loaded.value

    def load_keys(self, answer: Answer) -> Document:
        require_success(answer)
        keys = {key.key_id: key for key in jwt.PyJWKSet.from_dict(answer.json()).keys}
        fresh = time.monotonic() + max_age(answer)
        return Document(keys, fresh, fresh + self.stale_keys)

    def load_list(self, answer: Answer, uri: str) -> Document:
        require_success(answer)
        claims = self.decode(answer.body.decode(), typ="statuslist+jwt")
        if claims["sub"] != uri or claims["status_list"]["bits"] != 1:
            raise jwt.InvalidTokenError
        packed = claims["status_list"]["lst"]
        bits = zlib.decompressobj().decompress(
            urlsafe_b64decode(packed + "=" * (-len(packed) % 4)), LARGEST_LIST
        )
        now, lifetime = time.monotonic(), claims["exp"] - time.time()
        return Document(bits, now + min(claims["ttl"], max_age(answer), lifetime), now + lifetime)


def require_success(answer: Answer) -> None:
    if answer.status != 200:
        raise UnavailableError(str(answer.status))


def max_age(answer: Answer) -> int:
    """Return the seconds for which the answer may be cached (RFC 9111, section 5.2.2.1)."""
    control = dict(answer.headers).get("Cache-Control", "")
    found = re.search(r"max-age=(\d+)", control)
    return int(found[1]) if found else 0
