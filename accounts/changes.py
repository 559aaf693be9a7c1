"""What people change of their own account; every change and its mail are one transaction."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from rest_framework_simplejwt.exceptions import InvalidToken

from accounts import links
from accounts.errors import (
    InvalidLinkError,
    PasswordMissingError,
    WeakPasswordError,
    WrongPasswordError,
)
from accounts.mail.letters import Mail
from accounts.mail.queue import queue
from accounts.models import User
from tokens.http import cookies
from tokens.http.client_address import client_network
from tokens.http.throttles import count, count_current_password
from tokens.jwt.claims import Pair
from tokens.models import DeviceSession, Reason
from tokens.sessions.lifecycle import replace_browser_sessions, replace_sessions, revoke_sessions


@dataclass(frozen=True, kw_only=True)
class Caller:
    """A signed-in user, the session of the request and the address that it came from."""

    user: User
    sid: UUID
    ip_address: str | None


def change_password(caller: Caller, *, by_cookie: bool, current: str, new: str) -> Pair:
    """Change the password, end every session, and return the first pair of a new one.

    The new session is on the device of the caller's. Raises WrongPasswordError,
    WeakPasswordError, InvalidToken if that device was signed out meanwhile, or CookieTooLargeError:
    then nothing is changed.
    """
    with _changed_password(caller, current, new):
        pair = replace_sessions(caller.user, caller.sid)
        if pair is None:
            raise InvalidToken
        if by_cookie:
            cookies.require_cookie_size(pair)
    return pair


def change_password_in_browser(
    caller: Caller, *, remember: bool, current: str, new: str
) -> DeviceSession:
    """Do what `change_password` does, and return the new session of the caller's browser.

    Raises PermissionDenied where that raises InvalidToken.
    """
    with _changed_password(caller, current, new):
        session = replace_browser_sessions(caller.user, caller.sid, remember=remember)
        if session is None:
            raise PermissionDenied
    return session


@contextmanager
def _changed_password(caller: Caller, current: str, new: str) -> Iterator[None]:
    """Store the new password in the transaction of the block, and queue the mail that tells it."""
    user = caller.user
    verify_password(caller, current)
    stored = _hash(new, user)
    with transaction.atomic():
        if not _store(user, stored):
            raise WrongPasswordError
        yield
        queue(Mail.PASSWORD_CHANGED, user=str(user.pk))


def verify_password(caller: Caller, password: str) -> None:
    """Raise WrongPasswordError unless this is the caller's password, or Throttled."""
    count_current_password(caller.user.pk, caller.sid, caller.ip_address)
    if not caller.user.check_password(password):
        raise WrongPasswordError


def ask_for_password_link(address: str, network: str) -> None:
    """Have a link mailed to whoever has this address, asked for from `place`.

    The address is queued unseen, and the worker looks it up: nothing here depends on whether there
    is such a user, neither what is answered nor how long it takes. Raises Throttled.
    """
    count("reset_address", network)
    count("reset_account", address.casefold())
    queue(Mail.PASSWORD_RESET, address=address)


def choose_password(uid: str, token: str, new: str) -> None:
    """Set the password of the user whose link this is, and end all their sessions.

    Raises InvalidLinkError or WeakPasswordError; of two callers with the same link one gets
    InvalidLinkError.
    """
    user = links.user_of_password_link(uid, token)
    if user is None:
        raise InvalidLinkError
    stored = _hash(new, user)
    with transaction.atomic():
        if not _store(user, stored):
            raise InvalidLinkError
        revoke_sessions([user.pk], Reason.CREDENTIALS_CHANGED)
        queue(Mail.PASSWORD_CHANGED, user=str(user.pk))


def change_account(caller: Caller, names: dict[str, str], *, email: str, current: str) -> None:
    """Store these of `first_name` and `last_name`, and send a link to an address that is new.

    The answer does not depend on whether another account has that address. If it is new, raises
    PasswordMissingError, WrongPasswordError or Throttled: then nothing is changed.
    """
    user = caller.user
    if email != user.email:
        if not current:
            raise PasswordMissingError
        verify_password(caller, current)
        _count_email_change(caller, email)
    with transaction.atomic():
        if names:
            User.objects.filter(pk=user.pk).update(**names)
        if email != user.email:
            fingerprint = links.email_fingerprint(user, email)
            queue(Mail.EMAIL_CONFIRMATION, user=str(user.pk), address=email, mark=fingerprint)
    for name, value in names.items():
        setattr(user, name, value)


def _count_email_change(caller: Caller, email: str) -> None:
    """Count one mail to this new address; raise Throttled if it is one too many.

    Counted once the password is right, or a thief without it could use up the owner's mails. The
    new address comes last, so that a caller over their own limit does not use up the address's.
    """
    count("email_change_address", client_network(caller.ip_address))
    count("email_change_account", str(caller.user.pk))
    count("email_change_target", email.casefold())


def confirm_email(token: str) -> None:
    """Make the address that this link was sent to the user's, or raise InvalidLinkError."""
    claims = links.read_email_token(token)
    if claims is None:
        raise InvalidLinkError
    try:
        with transaction.atomic():
            _store_email(claims["user"], claims["email"], claims["mark"])
    except IntegrityError as error:  # It has become another account's meanwhile.
        raise InvalidLinkError from error


def delete_account(caller: Caller, *, current: str) -> None:
    """Delete the user and end their sessions, or raise WrongPasswordError or Throttled."""
    user = caller.user
    verify_password(caller, current)
    with transaction.atomic():
        User.objects.get_queryset().filter(pk=user.pk).lock()
        if not User.objects.filter(pk=user.pk, password=user.password).exists():
            raise WrongPasswordError
        if user.email:
            queue(Mail.ACCOUNT_DELETED, address=user.email, username=user.username)
        user.delete()


def _hash(new: str, user: User) -> str:
    """Return what is stored of this user's new password; slow, so outside of transactions."""
    try:
        validate_password(new, user)
    except ValidationError as error:
        raise WeakPasswordError(error.messages) from error
    return make_password(new)


def _store(user: User, stored: str) -> bool:
    """Store the hash, unless the old one is no longer what was looked at; end no session yet."""
    users = User.objects.get_queryset().filter(pk=user.pk, is_active=True)
    if not users.swap_password_hash(user.password, stored):
        return False
    user.password = stored
    return True


def _store_email(pk: str, email: str, fingerprint: str) -> None:
    # One caller at a time: the second finds the mark of the first one's doing.
    user = User.objects.select_for_update().filter(pk=pk, is_active=True).first()
    if user is None or not links.is_email_fingerprint(fingerprint, user, email):
        raise InvalidLinkError
    User.objects.filter(pk=pk).update(email=email, email_changed_at=timezone.now())
    if user.email:
        queue(Mail.EMAIL_CHANGED, address=user.email, username=user.username)
