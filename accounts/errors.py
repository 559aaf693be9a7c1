"""Why an account was not changed, without HTTP. Each error has one meaning.

accounts/api/errors.py answers them under /api/, and accounts/pages/page.py adds them to forms.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

from django.utils.translation import gettext_lazy as _


class AccountError(Exception):
    """A change of an account was refused."""


class RefusedInputError(AccountError):
    """One of the inputs is wrong: `field` names it, and `sentences` tell people why."""

    field: ClassVar[str]
    sentences: Sequence[Any]  # texts, or lazy translations


class SignInRefusedError(RefusedInputError):
    """The user is unknown or inactive, or the password is wrong. One sentence covers them all."""

    field = "username"
    sentences = [_("No active account has this name and this password.")]


class WrongPasswordError(RefusedInputError):
    """This is not the current password, or another request has just changed it."""

    field = "current_password"
    sentences = [_("This is not the current password.")]


class WeakPasswordError(RefusedInputError):
    """The new password is the current one, or a validator refused it with these sentences."""

    field = "new_password"

    def __init__(self, sentences: list[str]) -> None:
        super().__init__(*sentences)
        self.sentences = sentences


class InvalidLinkError(AccountError):
    """The link is forged, used or expired, or the account has changed since it was sent."""

    message = _("This link is invalid or was used already. Ask for a new one.")


class SessionEndedError(AccountError):
    """The session of the request was revoked or expired before the change could be stored."""


class HashingBusyError(Exception):
    """All threads for hashing are in use. Nothing was decided or changed."""

    message = _("The server is busy. Try again.")


class BrowserDataError(Exception):
    """The data of a browser cannot be stored, for example because the disk is full."""
