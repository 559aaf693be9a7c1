"""Errors of tokens and their sessions, without HTTP.

tokens/api/errors.py turns them into the answers of the API, and tokens/oauth/errors.py into those
of the OAuth endpoints.
"""

from enum import StrEnum


class Refusal(StrEnum):
    """Why a token is refused. The value is for the log: no client receives it."""

    MALFORMED = "malformed"
    EXPIRED = "expired"
    UNKNOWN_SESSION = "unknown session"
    WRONG_USER = "user of the token is not the session's"
    REVOKED = "session revoked"
    SESSION_EXPIRED = "session expired"
    INACTIVE_USER = "user inactive or deleted"
    CREDENTIALS_CHANGED = "credentials changed"
    NO_AUDIENCE = "audience no longer exists"
    ROLES_CHANGED = "roles changed"
    BLACKLISTED = "blacklisted"
    REUSED = "reused"
    OUT_OF_STEP = "ahead of the database or of another lineage"


class TokenDomainError(Exception):
    """The base of all errors of this module."""


class TokenRefusedError(TokenDomainError):
    """The token is not valid; `reason` says why."""

    def __init__(self, reason: Refusal) -> None:
        super().__init__(reason)
        self.reason = reason


class AlreadyRotatedError(TokenDomainError):
    """Another client has just spent this refresh token. The session continues."""


class SessionBusyError(TokenDomainError):
    """The session's row changed between each write and the read after it. The token stays valid."""


class InvalidClientError(TokenDomainError):
    """The secret is unknown, disabled or expired, or belongs to another service account."""


class InvalidScopeError(TokenDomainError):
    """The requested scope does not exist, or the session or account does not have it."""


class InvalidAudienceError(TokenDomainError):
    """The requested audience does not exist, or the session or account may not use it."""


class TokenTooLongError(TokenDomainError):
    """The roles and claims of a new access token make it longer than this site accepts."""


class DuplicateSecretError(TokenDomainError):
    """The same request has created a secret before."""


class UnknownTokenError(TokenDomainError):
    """The text is not a token of this site; the message says what it may be."""


class InactiveTokenError(TokenDomainError):
    """The token is from this site, but has expired or was revoked."""
