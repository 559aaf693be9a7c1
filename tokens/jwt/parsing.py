"""Parse tokens, recognise one in pasted text, and explain why another text is refused."""

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, TypeVar

from rest_framework_simplejwt.exceptions import ExpiredTokenError, TokenBackendError, TokenError

from tokens.conf import conf
from tokens.crypto.encoding import from_base64url
from tokens.crypto.subkeys import all_subkeys
from tokens.errors import Refusal, TokenRefusedError, TokenTooLongError
from tokens.jwt.backends import (
    AccessBackend,
    RefreshBackend,
    access_backend,
    refresh_backend,
    select_backend,
)
from tokens.jwt.claims import MAX_TOKEN_LENGTH, AccessToken, RefreshToken, SessionToken
from tokens.keys.keyring import keyring

Token = TypeVar("Token", bound=SessionToken)
#: A token within other text. Its header is an object, so it begins with "eyJ" in base64url.
TOKEN_PATTERN = re.compile(r"(?<![\w-])eyJ[\w-]*\.[\w-]+\.[\w-]+", re.ASCII)
#: The same, with the characters that a mail or a terminal inserts into a long line.
FOLDED_TOKEN_PATTERN = re.compile(r"(?<![\w-])eyJ[\w\s>-]*\.[\w\s>-]+\.[\w\s>-]+", re.ASCII)
MAX_TOKENS = 10  # examined in one text
#: The form of the names of this site's keys, by the type of their tokens.
KID_PATTERNS = {AccessBackend.typ: r"[\w-]{43}", RefreshBackend.typ: r"[\w-]{12}"}


def extract_token(text: str) -> str:
    """Return the token in copied text, such as a header, a cookie, JSON or a folded line.

    If several tokens are of this site, the first refresh token is returned, because it identifies a
    whole session, or else the first access token. Otherwise the last text with the form of a token
    is returned, or the whole text.
    """
    text = text[: 2 * MAX_TOKEN_LENGTH].strip()
    folded = [re.sub(r"[\s>]", "", token) for token in FOLDED_TOKEN_PATTERN.findall(text)]
    found = [*TOKEN_PATTERN.findall(text), *folded][:MAX_TOKENS]
    known = {token: verify_own(token) for token in found}
    ours = [token for token in found if known[token]]
    refresh = [token for token in ours if isinstance(known[token], RefreshToken)]
    return next(iter([*refresh, *ours, *found[-1:]]), text)


def parse_token(kind: type[Token], raw: str) -> Token:
    """Return the token of this kind if this site has signed it and it has not expired.

    Raises TokenRefusedError with EXPIRED or, for any other text, MALFORMED. Executes no query.
    """
    try:
        return kind(raw)
    except ExpiredTokenError as error:
        raise TokenRefusedError(Refusal.EXPIRED) from error
    except TokenError as error:
        raise TokenRefusedError(Refusal.MALFORMED) from error


def require_length(raw: str) -> None:
    """Raise TokenTooLongError if `parse_token` would refuse this new token for its length."""
    if len(raw) > MAX_TOKEN_LENGTH:
        raise TokenTooLongError


def parse_unverified(raw: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return header and claims without verification, or raise ValueError."""
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
    """Return the token if this site signed it, or None. Executes no query.

    The token may have expired. A refresh token may also have another issuer or be from the future.
    """
    for kind in (RefreshToken, AccessToken):
        with suppress(TokenError):
            return kind(raw, verify=False)
    return None


def explain_foreign(raw: str) -> str | None:
    """Return a sentence that says why this site refuses a token that resembles its own, or None."""
    try:
        header, _ = parse_unverified(raw)
    except ValueError:
        return None
    signed, have = _signed_claims(raw), conf()
    for name, ours in (("iss", have.issuer), ("aud", have.audience)):
        if signed.get(name, ours) != ours:
            return (
                f"Its {name} is {signed[name]}, but this site's {name} is {ours}."
                " Check whether PUBLIC_URL or PORT has changed."
            )
    if _names_lost_key(header):
        return "Its key is unknown: another site signed it, or this site has removed the key."
    return None


def _signed_claims(raw: str) -> Mapping[str, Any]:
    """Return the claims if a key of this site signed them; they may have any value."""
    access = map(access_backend, keyring.current().keys)
    refresh = map(refresh_backend, all_subkeys())
    with suppress(TokenError, TokenBackendError):
        return select_backend([*refresh, *access], raw).verified(raw)
    return {}


def _names_lost_key(header: Mapping[str, Any]) -> bool:
    kid, form = str(header.get("kid")), KID_PATTERNS.get(str(header.get("typ")))
    have = {subkeys.kid for subkeys in all_subkeys()}
    have |= {key.kid for key in keyring.current().keys}
    return form is not None and bool(re.fullmatch(form, kid, re.ASCII)) and kid not in have
