"""The errors: a refused token (401), a missing role or scope (403), an unreachable issuer (503)."""

from enum import StrEnum


class Refusal(StrEnum):
    """Why a token was refused. Log the reason; do not send it to the client."""

    MALFORMED = "malformed"
    TOO_LONG = "too long"
    HEADER = "a header that is not accepted"
    WRONG_KIND = "another kind of token"
    ALGORITHM = "another algorithm than the key's"
    UNKNOWN_KEY = "no key of the issuer's"
    SIGNATURE = "wrong signature"
    CLAIMS = "a claim is missing or of the wrong type"
    ISSUER = "another issuer"
    AUDIENCE = "another audience"
    EXPIRED = "expired"
    NOT_YET = "not valid yet"
    STATUS = "no place in a status list of the issuer's"
    ENDED = "session ended"


class VerifierError(Exception):
    """The base of all errors of a request's verification."""


class NothingPresented(VerifierError):
    """The request has no bearer token: answer 401 without an error word."""


class TokenRefused(VerifierError):
    """The token is not valid: answer 401. The reason is for your log."""

    def __init__(self, reason: Refusal) -> None:
        super().__init__(reason.value)
        self.reason = reason


class RoleLacking(VerifierError):
    """The token is valid, but its user has none of these roles: answer 403."""

    def __init__(self, *roles: str) -> None:
        self.role = " or ".join(roles)
        super().__init__(f"lacks the role {self.role!r}")


class ScopeLacking(VerifierError):
    """The token is valid, but lacks one of these scopes: answer 403."""

    def __init__(self, *scopes: str) -> None:
        self.scope = " ".join(scopes)
        super().__init__(f"lacks the scope {self.scope!r}")


class VerifierUnavailable(VerifierError):
    """The issuer cannot be reached, so the token cannot be checked now: answer 503.

    Never answer 401, because clients drop their tokens on a 401.
    """

    def __init__(self, what: str, *, retry_after: int) -> None:
        super().__init__(f"{what} cannot be had")
        self.retry_after = retry_after  # seconds
