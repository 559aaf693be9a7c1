"""Verify access tokens: by the snapshot without a query, or by the row of the session.

Each function raises TokenRefusedError with the reason. A wrong signature or claim costs no query.
"""

from collections.abc import Sequence
from uuid import UUID

from tokens.errors import Refusal, TokenRefusedError
from tokens.jwt.claims import AccessToken
from tokens.jwt.parsing import parse_token
from tokens.models import DeviceSession
from tokens.revocation import snapshot
from tokens.sessions.standing import UserState, refusal_reason
from tokens.sessions.statements import read_with_user


def verify_access_token(raw: str) -> AccessToken:
    """Return the verified access token if the snapshot does not refuse it: no query.

    While the snapshot is too large to be complete, the session's row decides: one query.
    """
    token = parse_token(AccessToken, raw)
    revocations = snapshot.revocations.current()
    if not revocations.complete:
        check_row(token)
        return token
    session = token.sid.int
    actors = {UUID(sid).int for sid in token.actor_sids}
    if session in revocations.sessions or not actors.isdisjoint(revocations.sessions):
        raise TokenRefusedError(Refusal.REVOKED)
    if token.jti in revocations.tokens:
        raise TokenRefusedError(Refusal.BLACKLISTED)
    if token["rv"] < revocations.roles_versions.get(session, 0):
        raise TokenRefusedError(Refusal.ROLES_CHANGED)
    return token


def verify_by_row(raw: str) -> tuple[DeviceSession, AccessToken]:
    """Return the session, its user loaded, and the token if the row is valid, as `check_row`."""
    token = parse_token(AccessToken, raw)
    return check_row(token), token


def check_row(token: AccessToken) -> DeviceSession:
    """Return the session of the parsed token, its user loaded, if the row is valid: one query.

    A second query checks the services that exchanged the token.
    """
    session = read_with_user(token.sid, token.jti)
    if session is None:
        raise TokenRefusedError(Refusal.UNKNOWN_SESSION)
    reason = refusal_reason(session, UserState.of(session.user), token)
    if reason is not None:
        raise TokenRefusedError(reason)
    if token.actor_sids and not are_active(token.actor_sids):
        raise TokenRefusedError(Refusal.REVOKED)
    return session


def are_active(sids: Sequence[str]) -> bool:
    """Return whether the sessions of all services that exchanged a token are active: one query."""
    return DeviceSession.objects.filter(sid__in=sids).active().count() == len({*sids})
