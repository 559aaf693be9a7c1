"""Errors of the OAuth endpoints (RFC 6749, section 5.2), and how other errors map to them."""

from typing import Any

from rest_framework import exceptions

from tokens import errors
from tokens.http.refresh import INVALID_KEY

RETRY_AFTER = 1  # seconds, after a conflict with another request
INVALID_GRANT = "invalid_grant", "The token is invalid, expired or revoked."
#: The error and its description for domain errors that are answered 400.
REFUSALS: dict[type[errors.TokenDomainError], tuple[str, str]] = {
    errors.InvalidScopeError: ("invalid_scope", "A requested scope is unknown or not allowed."),
    errors.InvalidAudienceError: (
        "invalid_target",
        "The requested audience is unknown or not allowed.",
    ),
    errors.TokenTooLongError: (
        "invalid_request",
        "The access token would be too large. Use fewer scopes.",
    ),
}


class OAuthError(Exception):
    """An error answer: `error` is a code of an RFC, `description` a sentence for developers."""

    def __init__(
        self, error: str, description: str, *, status: int = 400, headers: Any = None
    ) -> None:
        super().__init__(description)
        self.error = error
        self.description = description
        self.status = status
        self.headers: dict[str, str] = headers or {}

    def as_json(self) -> dict[str, str]:
        return {"error": self.error, "error_description": self.description}


def invalid_request(description: str) -> OAuthError:
    """Return the 400 for a request that is incomplete or contradicts itself."""
    return OAuthError("invalid_request", description)


def invalid_client() -> OAuthError:
    """Return the 401 for a client that is unknown, disabled, expired or has another secret."""
    challenge = {"WWW-Authenticate": 'Basic realm="oauth", charset="UTF-8"'}
    return OAuthError(
        "invalid_client", "Client authentication failed.", status=401, headers=challenge
    )


def temporarily_unavailable(description: str, seconds: int, *, status: int = 503) -> OAuthError:
    """Return an answer that asks the client to send the same request again later.

    A client discards its refresh token on `invalid_grant`, so no temporary condition may be
    answered with that.
    """
    headers = {"Retry-After": str(seconds)}
    return OAuthError("temporarily_unavailable", description, status=status, headers=headers)


def from_domain(error: errors.TokenDomainError) -> OAuthError:
    """Return the answer for a domain error."""
    match error:
        case errors.InvalidClientError():
            return invalid_client()
        case errors.AlreadyRotatedError():
            return temporarily_unavailable(
                "Another request rotated this refresh token a moment ago.", RETRY_AFTER
            )
        case errors.SessionBusyError():
            return temporarily_unavailable("The session is being changed. Try again.", RETRY_AFTER)
        case _:
            return OAuthError(*REFUSALS.get(type(error), INVALID_GRANT))


def from_framework(error: exceptions.APIException) -> OAuthError:
    """Return the answer for an error that Django REST framework or a throttle raised."""
    if isinstance(error, exceptions.Throttled):
        seconds = int(getattr(error, "wait", None) or RETRY_AFTER)
        return temporarily_unavailable("Too many requests.", seconds, status=429)
    if isinstance(error, exceptions.ValidationError):
        description = INVALID_KEY  # the only field that a view of these endpoints validates
    elif isinstance(error, exceptions.UnsupportedMediaType):
        description = "Send the form as application/x-www-form-urlencoded."
    else:  # Section 5.2 forbids quotation marks and backslashes.
        description = str(error.detail).translate({ord('"'): "'", ord("\\"): "/"})
    answer = invalid_request(description)
    answer.status = error.status_code
    return answer
