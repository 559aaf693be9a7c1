"""The site's rules of rotation, for sessions in memory. docs/rotation.md of the site explains them.

| the presented refresh token is                       | result                             |
|------------------------------------------------------|------------------------------------|
| the current one                                      | its successor                      |
| its predecessor, spent with a key that comes again   | the same successor, for 24 hours   |
| its predecessor, spent without a key, and none comes | the same successor, for 30 seconds |
| its predecessor, with another key, within 30 seconds | AlreadyRotatedError, nothing ends  |
| its predecessor after these times, or an older one   | RefusedError, the session ends     |
| of an ended session, ahead of its session, no token  | RefusedError, nothing ends         |
"""

import secrets
import uuid
from dataclasses import dataclass, field

from latchkey_conformance import tokens

IDLE_LIFETIME = 14 * 24 * 3600  # seconds
ABSOLUTE_LIFETIME = 90 * 24 * 3600
GRACE_PERIOD = 30
RETRY_WINDOW = 24 * 3600


class RefusedError(Exception):
    """401 `token_not_valid`."""


class AlreadyRotatedError(Exception):
    """409 `already_rotated`."""


@dataclass
class Session:
    """One sign-in. `current` is the only valid refresh token, and `spent_key` of the one before."""

    sub: str
    expires_at: float
    sid: str = field(default_factory=lambda: str(uuid.uuid4()))
    generation: int = 0
    current: str = ""
    idle_expires_at: float = 0
    rotated_at: float = 0
    spent_key: str | None = None
    revoked: str = ""  # why, for example "reuse"

    def advance(self, site: str, now: float, key: str | None) -> None:
        """Replace the refresh token by its successor."""
        self.generation += 1
        self.rotated_at, self.spent_key = now, key
        self.idle_expires_at = min(now + IDLE_LIFETIME, self.expires_at)
        self.current = tokens.sign(
            "JWT",
            {
                "iss": site,
                "sub": self.sub,
                "sid": self.sid,
                "gen": self.generation,
                "jti": secrets.token_urlsafe(32),
                "iat": int(now),
                "exp": int(self.idle_expires_at),
                "token_type": "refresh",
            },
        )

    def is_active(self, now: float) -> bool:
        return not self.revoked and now < self.idle_expires_at


def open_session(site: str, sub: str, now: float) -> Session:
    """Return a new session with its first refresh token."""
    session = Session(sub, now + ABSOLUTE_LIFETIME)
    session.advance(site, now, None)
    return session


def refresh(
    sessions: dict[str, Session], site: str, token: str, key: str | None, now: float
) -> Session:
    """Return the session whose `current` answers the token, by the table above.

    `sessions` are by `sid`, and `key` is the Idempotency-Key. Raises RefusedError or
    AlreadyRotatedError.
    """
    claims = tokens.read(token)
    if not claims or claims["token_type"] != "refresh":  # noqa: S105  (no password)
        raise RefusedError
    session = sessions.get(claims["sid"])
    if session is None or not session.is_active(now):
        raise RefusedError
    behind = session.generation - claims["gen"]
    if behind > 1:
        session.revoked = "reuse"
    if behind == 1:
        _check_retry(session, key, now)
    elif token == session.current:
        session.advance(site, now, key)
    else:
        raise RefusedError
    return session


def _check_retry(session: Session, key: str | None, now: float) -> None:
    """Return if the predecessor's holder may have the successor again, or raise an error."""
    passed = now - session.rotated_at
    window = GRACE_PERIOD if key is None else RETRY_WINDOW
    if key == session.spent_key and passed <= window:
        return
    if passed <= GRACE_PERIOD:
        raise AlreadyRotatedError
    session.revoked = "reuse"
    raise RefusedError
