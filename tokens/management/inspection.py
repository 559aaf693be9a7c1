"""What a token is and whether it would be accepted now. Looking changes nothing."""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hmac import compare_digest
from typing import Any

from rest_framework_simplejwt.exceptions import InvalidToken, TokenError

from tokens.crypto.subkeys import tag_subkeys
from tokens.errors import AlreadyRotatedError
from tokens.http.authentication import verify_current
from tokens.jwt.backends import AccessBackend, RefreshBackend
from tokens.jwt.claims import AccessToken, RefreshToken, SessionToken, secret_hash
from tokens.jwt.parsing import explain_foreign, parse_unverified, verify_own
from tokens.models import DeviceSession
from tokens.sessions import rotation, statements
from tokens.sessions.statements import SessionState

HEADER = ("alg", "kid", "typ")
CLAIMS = dict.fromkeys((*RefreshBackend.required, *AccessBackend.required))
MOMENTS = ("exp", "iat", "auth_time")
FOREIGN = "No living key of this site signed it, or a claim is not as this site writes it."


@dataclass
class Inspection:
    """What is known of a token, for people to read: nothing of it that is secret.

    `refusal` is the reason why it would be refused now, a sentence, or None if it would not.
    """

    kind: str
    header: Mapping[str, Any] = field(default_factory=dict)
    claims: Mapping[str, Any] = field(default_factory=dict)
    session: Mapping[str, Any] = field(default_factory=dict)
    refusal: str | None = None


def inspect(raw: str) -> Inspection:
    """Return what there is to say of the token: at most two queries, and no write."""
    try:
        header, claims = parse_unverified(raw)
    except ValueError:
        return Inspection("no token", refusal="It is no JWT.")
    shown = {"header": select_claims(header, HEADER), "claims": select_claims(claims, CLAIMS)}
    token = verify_own(raw)
    if token is None:
        refusal = explain_foreign(raw) or FOREIGN
        return Inspection("foreign token, not verified", **shown, refusal=refusal)
    found = statements.read(token.sid)
    return Inspection(
        f"{token.token_type} token",
        **shown,
        session=describe(found.session) if found else {},
        refusal=explain_refusal(raw, token, found),
    )


def select_claims(values: Mapping[str, Any], names: Any) -> dict[str, str]:
    """Return those of the names that are there, but for the `jti`, in a form safe to print."""
    return {
        name: json.dumps(values[name]) + (describe_time(values[name]) if name in MOMENTS else "")
        for name in names
        if name in values and name != "jti"
    }


def describe_time(seconds: object) -> str:
    """Return the moment in words, or nothing if it is none."""
    with suppress(TypeError, ValueError, OverflowError, OSError):
        return f" ({datetime.fromtimestamp(int(str(seconds)), UTC):%Y-%m-%d %H:%M:%S} UTC)"
    return ""


def describe(session: DeviceSession) -> dict[str, str]:
    """Return the state of the session, without hashes and nonce."""
    ended = session.revoked_at and f"{session.revoked_at:%Y-%m-%d %H:%M:%S} UTC"
    return {
        "kind": session.kind,
        "user": str(session.user_id),
        "device": json.dumps(session.device),
        "generation": str(session.generation),
        "begun": f"{session.created_at:%Y-%m-%d %H:%M:%S} UTC",
        "runs out": f"{session.ends_at:%Y-%m-%d %H:%M:%S} UTC",
        "ended": f"{ended}, {session.get_revoked_reason_display()}" if ended else "no",
    }


def explain_refusal(
    raw: str, token: RefreshToken | AccessToken, found: SessionState | None
) -> str | None:
    """Return the reason why the token would be refused now, a sentence, or None."""
    try:
        type(token)(raw)
    except TokenError:
        return "It has expired."
    refusal = explain_session(token, found)
    if found and isinstance(token, RefreshToken):
        return refusal or explain_spent_token(token, found.session)
    return None if is_accepted(raw) else refusal or "It is blacklisted."


def is_accepted(raw: str) -> bool:
    """Return whether the endpoints believe the access token, so that they have the last word."""
    try:
        verify_current(raw)
    except InvalidToken:
        return False
    return True


def explain_session(token: SessionToken, found: SessionState | None) -> str | None:
    """Return why no token of this session is accepted, a sentence, or None."""
    if found is None:
        return "Its session is unknown: it never was here, or was purged."
    session, credentials = found.session, (found.password_hash, found.username)
    outdated = isinstance(token, AccessToken) and token["rv"] < session.rights_version
    reasons = {
        f"Its session was ended: {session.get_revoked_reason_display()}.": session.revoked_at,
        "Its user is not the session's.": str(session.user_id) != token.sub,
        "Its session has run out.": not session.is_active,
        "Its user is inactive.": not found.is_active,
        "The user's password or user name was changed since the sign-in.": not tag_subkeys(
            session.credential_tag, *credentials
        ),
        "Its roles are out of date: a refresh brings new ones.": outdated,
    }
    return next((reason for reason, holds in reasons.items() if holds), None)


def explain_spent_token(token: RefreshToken, session: DeviceSession) -> str | None:
    """Return why a refresh token of a living session is refused that comes without a key."""
    distance = session.generation - token.generation
    if distance == 0 and compare_digest(session.secret_hash, secret_hash(token.jti)):
        return None
    if distance == 1 and rotation.successor_subkeys(token, session):
        try:
            if rotation.may_replay(token, session, None):
                return None
        except AlreadyRotatedError:
            return (
                "It was spent a moment ago, with an Idempotency-Key. Only who has that key is given"
                " the successor again; anybody else is told to look at what they have (409)."
            )
    elif distance <= 1:
        return "It is ahead of the database or of another lineage: was a backup restored?"
    if session.retry_hash and distance == 1:
        return (
            "It was spent, with an Idempotency-Key. Presented without that key it would end the"
            " session."
        )
    return "It was spent, and somebody has a copy: presented, it would end the session."
