"""What can be wrong with a token: one public answer each, and a private reason for the log."""

from enum import StrEnum
from typing import Any

from rest_framework import status
from rest_framework.exceptions import APIException
from rest_framework_simplejwt.exceptions import InvalidToken


class Refusal(StrEnum):
    """Why a refresh token was refused. For us: no client is told."""

    MALFORMED = "malformed"
    EXPIRED = "expired"
    UNKNOWN = "unknown session"
    FOREIGN_USER = "user of the token is not the session's"
    ENDED = "session ended"
    RUN_OUT = "session ran out"
    INACTIVE = "user inactive or deleted"
    CREDENTIALS_CHANGED = "credentials changed"
    REUSED = "reused"
    OUT_OF_STEP = "ahead of the database or of another lineage"


class TokenRefusedError(InvalidToken):
    """401 `token_not_valid`: the same answer whatever the reason."""

    def __init__(self, reason: Refusal) -> None:
        super().__init__()
        self.reason = reason


class RolesChangedError(InvalidToken):
    """401 `rights_changed`: the roles in an access token are out of date; a refresh brings new."""

    default_detail: Any = "Your rights have changed: refresh the token."
    default_code = "rights_changed"


class AlreadyRotatedError(APIException):
    """409: somebody else has just spent this token. Nothing was given and nothing was ended."""

    status_code = status.HTTP_409_CONFLICT
    default_detail = "This refresh token was rotated a moment ago by another request."
    default_code = "already_rotated"


class CsrfFailedError(APIException):
    """403: a cookie alone proves nothing, since the browser sends it whoever asks."""

    status_code = status.HTTP_403_FORBIDDEN
    default_detail = "The CSRF token is missing or wrong, or the request is from another site."
    default_code = "csrf_failed"


class CookieTooLargeError(APIException):
    """400: the user has so many roles that a browser would drop the access token's cookie."""

    status_code = status.HTTP_400_BAD_REQUEST
    default_detail = "The access token is too large for a cookie. Sign in without cookies."
    default_code = "cookie_too_large"


class SessionBusyError(APIException):
    """503: the row kept changing while it was looked at. The token is as good as before."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = "The session is being changed by somebody else. Try again."
    default_code = "unavailable"
    wait = 1


class UnknownTokenError(ValueError):
    """The text is no token of ours."""


class InactiveTokenError(ValueError):
    """The token is ours, and nobody would have believed it any more."""
