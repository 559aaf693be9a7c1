"""Why an account is not changed: one answer each."""

from collections.abc import Iterable

from rest_framework import status
from rest_framework.exceptions import APIException, ValidationError


class SignInRefusedError(ValidationError):
    """400: the one answer to who is unknown, inactive, or has another password."""

    def __init__(self) -> None:
        super().__init__({"username": ["No active account has this name and this password."]})


class WrongPasswordError(ValidationError):
    """400: the current password is not this one, or not any more."""

    def __init__(self) -> None:
        super().__init__({"current_password": ["This is not the current password."]})


class PasswordMissingError(ValidationError):
    """400: what is asked needs the current password, and there is none."""

    def __init__(self) -> None:
        super().__init__({"current_password": ["This field is required."]})


class WeakPasswordError(ValidationError):
    """400: the new password is refused; the sentences say why."""

    def __init__(self, sentences: Iterable[str]) -> None:
        super().__init__({"new_password": [*sentences]})


class HashingBusyError(APIException):
    """503: as many passwords are hashed as may be at a time. Nothing was decided or changed."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = "The server has too much to do. Try again."
    default_code = "busy"
    wait = 2  # seconds, for Retry-After


class InvalidLinkError(APIException):
    """400: the link is forged, used, too old, or the account has changed since: nobody is told."""

    status_code = status.HTTP_400_BAD_REQUEST
    default_detail = "This link is invalid or was used already. Ask for a new one."
    default_code = "invalid_link"
