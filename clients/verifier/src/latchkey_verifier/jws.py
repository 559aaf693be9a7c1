"""Parse a signed token strictly (RFC 7515, section 7.1). Parsing does not verify it."""

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from latchkey_verifier.errors import Refusal, TokenRefused

#: Headers that would choose the key or change the rules. Latchkey's tokens never have one
#: (RFC 8725, section 3.10; RFC 7515, section 4.1.11; RFC 7797).
REFUSED_HEADERS = frozenset({"jku", "jwk", "x5u", "x5c", "x5t", "x5t#S256", "crit", "b64", "zip"})
#: The form of a `kid`: the alphabet of a thumbprint. Other values cause no request to the issuer.
KID = re.compile(r"[A-Za-z0-9_-]{1,128}")


@dataclass(frozen=True, slots=True)
class Signed:
    """The parts of a token, which are not verified yet."""

    kid: str
    algorithm: str
    claims: dict[str, object]
    text: bytes
    signature: bytes


def read(raw: str, *, typ: str) -> Signed:
    """Return the parts of the token, or raise TokenRefused if it is malformed or of another type.

    `typ` is the media type in the header, without "application/".
    """
    try:
        text, _, signature = raw.rpartition(".")
        head, body = text.split(".")
        header, claims = json_object(from_base64url(head)), json_object(from_base64url(body))
        parts = text.encode("ascii"), from_base64url(signature)
    except ValueError as error:
        raise TokenRefused(Refusal.MALFORMED) from error
    kid, algorithm = _check_header(header, typ)
    return Signed(kid, algorithm, claims, *parts)


def _check_header(header: dict[str, object], typ: str) -> tuple[str, str]:
    """Return `kid` and `alg` for a comparison with a known key, or raise TokenRefused."""
    kid, algorithm, kind = header.get("kid"), header.get("alg"), header.get("typ")
    if REFUSED_HEADERS & header.keys():
        raise TokenRefused(Refusal.HEADER)
    if not (isinstance(kid, str) and KID.fullmatch(kid) and isinstance(algorithm, str)):
        raise TokenRefused(Refusal.HEADER)
    if not isinstance(kind, str) or kind.lower().removeprefix("application/") != typ:
        raise TokenRefused(Refusal.WRONG_KIND)
    return kid, algorithm


def from_base64url(text: str) -> bytes:
    """Decode base64url without padding. Raises ValueError for non-canonical input."""
    data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if urlsafe_b64encode(data).rstrip(b"=") != text.encode("ascii"):
        raise ValueError("There is another, canonical encoding of the same bytes.")
    return data


def json_object(data: bytes) -> dict[str, object]:
    """Parse a JSON object. Raises ValueError for other JSON, duplicate names or deep nesting."""
    try:
        value = json.loads(data.decode(), object_pairs_hook=_unique, parse_constant=_no_number)
    except RecursionError as error:
        raise ValueError("It is nested too deep.") from error
    if not isinstance(value, dict):
        raise ValueError("It is no object.")  # noqa: TRY004  (callers handle ValueError only)
    return value


def _unique(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    names = dict(pairs)
    if len(names) != len(pairs):
        raise ValueError("A name comes twice.")
    return names


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON.")
