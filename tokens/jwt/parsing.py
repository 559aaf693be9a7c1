"""Whether a text that somebody pasted is a token of ours, and if it is none, why."""

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from rest_framework_simplejwt.exceptions import TokenBackendError, TokenError

from tokens.conf import conf
from tokens.crypto.encoding import from_base64url
from tokens.crypto.subkeys import all_subkeys
from tokens.jwt.backends import AccessBackend, RefreshBackend, select_backend
from tokens.jwt.claims import MAX_TOKEN_LENGTH, AccessToken, RefreshToken
from tokens.keys.keyring import keyring

#: A token in whatever it was copied with: its header is an object, which begins so in base64url.
TOKEN_PATTERN = re.compile(r"(?<![\w-])eyJ[\w-]*\.[\w-]+\.[\w-]+", re.ASCII)
#: The same, with what a mail or a terminal puts into a long line.
FOLDED_TOKEN_PATTERN = re.compile(r"(?<![\w-])eyJ[\w\s>-]*\.[\w\s>-]+\.[\w\s>-]+", re.ASCII)
MAX_TOKENS = 10  # that are looked for in one text
#: How our keys are named, by what their tokens say that they are.
KID_PATTERNS = {AccessBackend.typ: r"[\w-]{43}", RefreshBackend.typ: r"[\w-]{12}"}


def extract_token(text: str) -> str:
    """Return the token in a text that somebody copied: a header, a cookie, JSON, a folded line.

    Of several that are ours it is the first refresh token, which stands for its whole session. If
    none is, it is what looks most like one, or the text.
    """
    text = text[: 2 * MAX_TOKEN_LENGTH].strip()
    folded = [re.sub(r"[\s>]", "", token) for token in FOLDED_TOKEN_PATTERN.findall(text)]
    found = [*TOKEN_PATTERN.findall(text), *folded][:MAX_TOKENS]
    known = {token: verify_own(token) for token in found}
    ours = [token for token in found if known[token]]
    refresh = [token for token in ours if isinstance(known[token], RefreshToken)]
    return next(iter([*refresh, *ours, *found[-1:]]), text)


def parse_unverified(raw: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return header and claims, with nothing verified, or raise ValueError."""
    if not (raw.isascii() and len(raw) <= MAX_TOKEN_LENGTH):
        raise ValueError
    try:
        header, claims = (json.loads(from_base64url(part)) for part in raw.split(".")[:-1])
    except RecursionError as error:
        raise ValueError from error
    if not (isinstance(header, dict) and isinstance(claims, dict)):
        raise ValueError  # noqa: TRY004  (it is a value from outside)
    return header, claims


def verify_own(raw: str) -> RefreshToken | AccessToken | None:
    """Return the token if its signature and claims are ours, be it expired or not.

    The database is not asked.
    """
    for kind in (RefreshToken, AccessToken):
        with suppress(TokenError):
            return kind(raw, verify=False)
    return None


def explain_foreign(raw: str) -> str | None:
    """Return why a text that is not recognised looks like a token of ours, or None."""
    try:
        header, _ = parse_unverified(raw)
    except ValueError:
        return None
    signed, have = _signed_claims(raw), conf()
    for name, ours in (("iss", have.issuer), ("aud", have.audience)):
        if signed.get(name, ours) != ours:
            return (
                f"Its {name} is {signed[name]}; this site's is {ours}:"
                " is PUBLIC_URL or PORT set differently here?"
            )
    if _names_lost_key(header):
        return "It is signed with a key that this site does not have (any more)."
    return None


def _signed_claims(raw: str) -> Mapping[str, Any]:
    """Return what a key of ours has signed, whatever it says, or nothing."""
    access = map(AccessBackend, keyring.current().keys)
    refresh = map(RefreshBackend, all_subkeys())
    with suppress(TokenError, TokenBackendError):
        return select_backend([*refresh, *access], raw).verified(raw)
    return {}


def _names_lost_key(header: Mapping[str, Any]) -> bool:
    kid, form = str(header.get("kid")), KID_PATTERNS.get(str(header.get("typ")))
    have = {subkeys.kid for subkeys in all_subkeys()}
    have |= {key.kid for key in keyring.current().keys}
    return form is not None and bool(re.fullmatch(form, kid, re.ASCII)) and kid not in have
