"""Tokens in the site's format (RFC 7519), signed with HS256.

The site signs access tokens with ES256, which needs a library. A client reads neither signature.
"""

import base64
import hmac
import json
import secrets
from hashlib import sha256
from typing import Any

KEY = secrets.token_bytes(32)


def sign(typ: str, claims: dict[str, Any]) -> str:
    """Return a signed token with this `typ` header."""
    header = {"alg": "HS256", "kid": "conformance", "typ": typ}
    text = f"{encode(header)}.{encode(claims)}"
    return f"{text}.{_signature(text)}"


def read(token: str) -> dict[str, Any] | None:
    """Return the claims of a token that `sign` returned, or None for any other text."""
    text, _, signature = token.rpartition(".")
    if not hmac.compare_digest(_signature(text).encode(), signature.encode()):
        return None
    payload = text.partition(".")[2]
    claims: dict[str, Any] = json.loads(
        base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
    )
    return claims


def encode(value: Any) -> str:
    data = json.dumps(value, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _signature(text: str) -> str:
    digest = hmac.digest(KEY, text.encode("utf-8", "surrogatepass"), sha256)
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
