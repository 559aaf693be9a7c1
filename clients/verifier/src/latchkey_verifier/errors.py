"""What can be wrong: the token (401), the bearer's roles (403), or the way to the issuer (503)."""

from enum import StrEnum


class Refusal(StrEnum):
    """Why a token was refused. For your log: no client is told."""

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
    """The request cannot be served; the classes below say whose fault that is."""


class TokenRefused(VerifierError):
    """401: the token is not to be believed. The reason is for your log."""

    def __init__(self, reason: Refusal) -> None:
        super().__init__(reason.value)
        self.reason = reason


class RoleLacking(VerifierError):
    """403: the token is good, and its bearer may not do this."""

    def __init__(self, role: str) -> None:
        super().__init__(f"lacks the role {role!r}")
        self.role = role


class VerifierUnavailable(VerifierError):
    """503: the issuer cannot be reached, so nobody knows whether the token is good.

    Never answer this with 401: on a 401 clients throw their tokens away.
    """

    def __init__(self, what: str, *, retry_after: int) -> None:
        super().__init__(f"{what} cannot be had")
        self.retry_after = retry_after  # seconds
