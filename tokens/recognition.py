"""Whether a text that somebody pasted is a token of ours, and if it is none, why."""

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from rest_framework_simplejwt.exceptions import TokenBackendError, TokenError

from tokens import keys, snapshot
from tokens.backends import AccessBackend, RefreshBackend, backend_of
from tokens.claims import LONGEST_TOKEN, AccessToken, RefreshToken
from tokens.conf import conf

#: What a token is copied with: `Authorization: Bearer "…"`.
WRAPPING = re.compile(r"""\A[\s"'`]*(?:authorization:\s*)?(?:bearer\s+)?[\s"'`]*""", re.IGNORECASE)
#: How our keys are named, by what their tokens say that they are.
KID = {AccessBackend.typ: r"[\w-]{43}", RefreshBackend.typ: r"[\w-]{12}"}


def unwrapped(text: str) -> str:
    """Return the text without what a token is copied with: quotes, `Bearer`, and line breaks."""
    return "".join(WRAPPING.sub("", text).split()).rstrip("\"'`,;")


def parse(raw: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return header and claims, with nothing verified, or raise ValueError."""
    if not (raw.isascii() and len(raw) <= LONGEST_TOKEN):
        raise ValueError
    try:
        header, claims = (json.loads(keys.from_base64url(part)) for part in raw.split(".")[:-1])
    except RecursionError as error:
        raise ValueError from error
    if not (isinstance(header, dict) and isinstance(claims, dict)):
        raise ValueError  # noqa: TRY004  (it is a value from outside)
    return header, claims


def recognise(raw: str) -> RefreshToken | AccessToken | None:
    """Return the token if its signature and claims are ours, be it expired or not.

    The database is not asked.
    """
    for kind in (RefreshToken, AccessToken):
        with suppress(TokenError):
            return kind(raw, verify=False)
    return None


def why_foreign(raw: str) -> str | None:
    """Return why a text that is not recognised looks like a token of ours, or None."""
    try:
        header, _ = parse(raw)
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
    access = map(AccessBackend, snapshot.ring.current().keys)
    refresh = map(RefreshBackend, keys.all_subkeys())
    with suppress(TokenError, TokenBackendError):
        return backend_of([*refresh, *access], raw).verified(raw)
    return {}


def _names_lost_key(header: Mapping[str, Any]) -> bool:
    kid, form = str(header.get("kid")), KID.get(str(header.get("typ")))
    have = {subkeys.kid for subkeys in keys.all_subkeys()}
    have |= {key.kid for key in snapshot.ring.current().keys}
    return form is not None and bool(re.fullmatch(form, kid, re.ASCII)) and kid not in have
