"""Base64url, JSON, and the compact serialization of signed tokens (RFC 7515)."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import orjson


def base64url(data: bytes) -> str:
    """Encode as base64url without padding (RFC 7515, section 2)."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def from_base64url(text: str) -> bytes:
    """Decode base64url without padding. Raises ValueError if the text is malformed."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def compact_json(value: Mapping[str, Any]) -> bytes:
    """Return the object as JSON without spaces."""
    try:
        return orjson.dumps(value)
    except TypeError:  # orjson writes no integer of more than 64 bits
        return json.dumps(value, separators=(",", ":")).encode()


@lru_cache(maxsize=64)
def encoded_header(**header: str) -> str:
    """Return the encoded header of a token, followed by the dot."""
    text = json.dumps(header, sort_keys=True, separators=(",", ":"))
    return f"{base64url(text.encode())}."


def jws(header: str, claims: Mapping[str, Any], sign: Callable[[bytes], bytes]) -> str:
    """Return a signed token (RFC 7515, section 7.1) with this encoded header and these claims."""
    text = f"{header}{base64url(compact_json(claims))}"
    return f"{text}.{base64url(sign(text.encode()))}"
