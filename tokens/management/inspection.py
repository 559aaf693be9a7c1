"""Describe a token and say whether it would be accepted now. Nothing is changed."""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from rest_framework_simplejwt.exceptions import ExpiredTokenError, TokenError

from tokens.conf import conf
from tokens.errors import Refusal, TokenRefusedError
from tokens.jwt.backends import AccessBackend, RefreshBackend
from tokens.jwt.claims import AccessToken, RefreshToken
from tokens.jwt.parsing import explain_foreign, parse_unverified, verify_own
from tokens.models import DeviceSession, Kind, ServiceSecret
from tokens.service_accounts import secrets
from tokens.service_accounts.accounts import find_secret
from tokens.sessions import statements
from tokens.sessions.access import verify_by_row
from tokens.sessions.replay import Verdict, judge
from tokens.sessions.standing import refusal_reason
from tokens.sessions.statements import SessionState

HEADER = ("alg", "kid", "typ")
CLAIMS = dict.fromkeys((*RefreshBackend.required, *AccessBackend.required))
MOMENTS = ("exp", "iat", "auth_time")
FOREIGN = (
    "No current key of this site signed it, or a claim has a value that this site does not write."
)
FUTURE = "It was issued in the future, by the clock of this server: check the clocks."
UNKNOWN_SESSION = "Its session is unknown: it never existed here, or was purged."
#: Why a session is refused. {reason} is why it was revoked.
REFUSALS = {
    Refusal.REVOKED: "Its session was revoked: {reason}.",
    Refusal.WRONG_USER: "Its user is not the user of its session.",
    Refusal.SESSION_EXPIRED: "Its session has expired.",
    Refusal.INACTIVE_USER: "Its user is inactive.",
    Refusal.CREDENTIALS_CHANGED: "The user's password or user name was changed since the sign-in.",
    Refusal.NO_AUDIENCE: "TOKEN_AUDIENCE no longer has an audience of its session.",
    Refusal.ROLES_CHANGED: "Its roles are out of date: a refresh brings new ones.",
}
#: Why a refresh token of a valid session is refused if it is presented without a key.
VERDICTS = {
    Verdict.CONTENDED: (
        "It was spent a moment ago, with an Idempotency-Key. Only a client with that key receives"
        " the successor again; any other client has to read its store again (409)."
    ),
    Verdict.REUSED: "It was spent before. Presenting it again would revoke the session.",
    Verdict.OUT_OF_STEP: (
        "It is ahead of the database or of another lineage: was a backup restored?"
    ),
}
REVOKED_ACTOR = "The secret of a service that exchanged it is disabled or has expired."
SPENT_WITH_KEY = (
    "It was spent, with an Idempotency-Key. Presenting it without that key would revoke the"
    " session."
)


@dataclass
class Inspection:
    """A description of a token for people, without its secrets.

    `refusal` is a sentence that says why the token would be refused now, or None.
    """

    kind: str
    header: Mapping[str, Any] = field(default_factory=dict)
    claims: Mapping[str, Any] = field(default_factory=dict)
    secret: Mapping[str, Any] = field(default_factory=dict)
    session: Mapping[str, Any] = field(default_factory=dict)
    refusal: str | None = None


def inspect(raw: str) -> Inspection:
    """Return the description of the token or secret: at most three queries, and no write."""
    if raw.startswith(secrets.PREFIX):
        return inspect_secret(raw)
    try:
        header, claims = parse_unverified(raw)
    except ValueError:
        return Inspection("not a token", refusal="It is not a JWT.")
    shown = {"header": select_claims(header, HEADER), "claims": select_claims(claims, CLAIMS)}
    token = verify_own(raw)
    if token is None:
        refusal = explain_foreign(raw) or FOREIGN
        return Inspection("foreign token, not verified", **shown, refusal=refusal)
    state = statements.read(token.sid)
    return Inspection(
        f"{token.token_type} token",
        **shown,
        session=describe(state.session) if state else {},
        refusal=explain_refusal(raw, token, state),
    )


def inspect_secret(text: str) -> Inspection:
    """Return the description of a service account's secret: one query at most."""
    if not secrets.is_well_formed(text):
        return Inspection("no secret", refusal="It resembles a secret, but is mistyped or cut off.")
    secret = find_secret(text)
    if secret is None:
        return Inspection("unknown secret", refusal="This site has no such secret.")
    return Inspection(
        "secret of a service account",
        secret={
            "account": json.dumps(secret.account.name),
            "client_id": str(secret.account_id),
            "prefix": secret.prefix,
            "expires": f"{secret.ends_at:%Y-%m-%d %H:%M:%S} UTC",
        },
        session=describe(secret.session),
        refusal=None if secret.is_active else explain_refused_secret(secret),
    )


def explain_refused_secret(secret: ServiceSecret) -> str:
    """Return a sentence that says why an inactive secret is refused."""
    if secret.session.revoked_at is None:
        return "It has expired, or its service account has."
    reason = secret.session.get_revoked_reason_display()
    return REFUSALS[Refusal.REVOKED].format(reason=reason)


def select_claims(values: Mapping[str, Any], names: Any) -> dict[str, str]:
    """Return the values of these names, except the `jti`, in a form that is safe to print."""
    return {
        name: json.dumps(values[name]) + (describe_time(values[name]) if name in MOMENTS else "")
        for name in names
        if name in values and name != "jti"
    }


def describe_time(seconds: object) -> str:
    """Return the moment in words, or nothing if it is not a number of seconds."""
    with suppress(TypeError, ValueError, OverflowError, OSError):
        return f" ({datetime.fromtimestamp(int(str(seconds)), UTC):%Y-%m-%d %H:%M:%S} UTC)"
    return ""


def describe(session: DeviceSession) -> dict[str, str]:
    """Return the state of the session, without hashes and nonce."""
    revoked = session.revoked_at and f"{session.revoked_at:%Y-%m-%d %H:%M:%S} UTC"
    limits = {"expires if unused": session.ends_at, "expires at the latest": session.expires_at}
    if session.kind == Kind.SERVICE:  # No use extends it.
        limits = {"expires": session.ends_at}
    return {
        "kind": session.kind,
        "user": str(session.user_id or "none"),
        "device": json.dumps(session.device),
        "generation": str(session.generation),
        "created": f"{session.created_at:%Y-%m-%d %H:%M:%S} UTC",
        **{name: f"{moment:%Y-%m-%d %H:%M:%S} UTC" for name, moment in limits.items()},
        "revoked": f"{revoked}, {session.get_revoked_reason_display()}" if revoked else "no",
    }


def explain_refusal(
    raw: str, token: RefreshToken | AccessToken, state: SessionState | None
) -> str | None:
    """Return a sentence that says why the token would be refused now, or None."""
    try:
        type(token)(raw)
    except ExpiredTokenError:
        return "It has expired."
    except TokenError:
        return explain_foreign(raw) or FUTURE
    if state is None:
        return UNKNOWN_SESSION
    session = state.session
    if reason := refusal_reason(session, state.user, token):
        return REFUSALS[reason].format(reason=session.get_revoked_reason_display())
    if isinstance(token, RefreshToken):
        return explain_spent_token(token, session)
    return explain_refused_access(raw, token)


def explain_refused_access(raw: str, token: AccessToken) -> str | None:
    """Return a sentence that says why a valid session's access token is refused, or None.

    One query, and another one for the services that exchanged the token.
    """
    try:
        verify_by_row(raw)
    except TokenRefusedError as error:
        return REVOKED_ACTOR if error.reason is Refusal.REVOKED else "It is blacklisted."
    if token["aud"] != conf().audience:
        return f"It is for another service: {token['aud']}."
    return None


def explain_spent_token(token: RefreshToken, session: DeviceSession) -> str | None:
    """Return a sentence that says why a valid session's refresh token is refused, or None."""
    verdict = judge(token, session, retry_key=None)
    is_predecessor = session.generation - token.generation == 1
    if verdict is Verdict.REUSED and is_predecessor and session.retry_hash:
        return SPENT_WITH_KEY
    return VERDICTS.get(verdict)
