"""The API's answers to the errors of tokens/errors.py, in one place."""

from rest_framework import status
from rest_framework.exceptions import APIException
from rest_framework_simplejwt.exceptions import InvalidToken

from tokens.errors import (
    AlreadyRotatedError,
    SessionBusyError,
    TokenDomainError,
    TokenTooLongError,
)


class ConflictError(APIException):
    """409: the request conflicts with another one that was faster."""

    status_code = status.HTTP_409_CONFLICT


class UnavailableError(APIException):
    """503: the same request may succeed in a moment."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    wait = 1  # seconds, for Retry-After


class TokenTooLargeError(APIException):
    """400: the user has so many roles that this site would refuse the access token."""

    status_code = status.HTTP_400_BAD_REQUEST
    default_detail = "The access token would be too large, because you have too many roles."
    default_code = "token_too_large"


def to_api_exception(error: TokenDomainError) -> APIException:
    """Return the exception that Django REST framework answers for this error.

    A token that is not valid is 401 `token_not_valid` for every reason.
    """
    match error:
        case AlreadyRotatedError():
            return ConflictError(
                "This refresh token was rotated a moment ago by another request.", "already_rotated"
            )
        case SessionBusyError():
            return UnavailableError(
                "Another request is changing the session. Try again.", "unavailable"
            )
        case TokenTooLongError():
            return TokenTooLargeError()
        case _:
            return InvalidToken()
