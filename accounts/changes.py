"""The changes that people make to their own account. A change and its mail are one transaction.

Nothing here counts tries: a view or page calls accounts/throttles.py first.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext

from accounts import links
from accounts.errors import (
    InvalidLinkError,
    SessionEndedError,
    WeakPasswordError,
    WrongPasswordError,
)
from accounts.mail.letters import Mail
from accounts.mail.queue import queue
from accounts.models import User
from tokens.jwt.claims import Pair
from tokens.models import DeviceSession, Reason
from tokens.sessions.credentials import swap_password_hash
from tokens.sessions.lifecycle import replace_browser_sessions, replace_sessions, revoke_sessions
from tokens.sessions.users import report_change


@dataclass(frozen=True, kw_only=True)
class Caller:
    """A signed-in user, the session of the request and the IP address that it came from."""

    user: User
    sid: UUID
    ip_address: str | None


def change_password(
    caller: Caller, *, current: str, new: str, check: Callable[[Pair], None] | None = None
) -> Pair:
    """Change the password, revoke every session, and return the first pair of a new one.

    The new session is on the device of the caller's. `check` receives the pair before the commit,
    and an exception of it undoes the change. Raises WrongPasswordError, WeakPasswordError, or
    SessionEndedError.
    """
    with _changed_password(caller.user, current, new):
        pair = replace_sessions(caller.user, caller.sid)
        if pair is None:
            raise SessionEndedError
        if check is not None:
            check(pair)
    return pair


def change_password_in_browser(
    caller: Caller, *, remember: bool, current: str, new: str
) -> DeviceSession:
    """Do the same as `change_password`, and return the new session of the caller's browser."""
    with _changed_password(caller.user, current, new):
        session = replace_browser_sessions(caller.user, caller.sid, remember=remember)
        if session is None:
            raise SessionEndedError
    return session


@contextmanager
def _changed_password(user: User, current: str, new: str) -> Iterator[None]:
    """Store the new password in one transaction with the block, and queue the mail about it."""
    verify_password(user, current)
    if new == current:
        raise WeakPasswordError([gettext("This is the current password. Choose another one.")])
    new_hash = _hash(new, user)
    with transaction.atomic():
        if not _store(user, new_hash):
            raise WrongPasswordError
        yield
        queue(Mail.PASSWORD_CHANGED, user=str(user.pk))


def verify_password(user: User, password: str) -> None:
    """Raise WrongPasswordError unless this is the user's password."""
    if not user.check_password(password):
        raise WrongPasswordError


def ask_for_password_link(email: str) -> None:
    """Queue a mail with a link to the user of this e-mail address, if there is one.

    The worker looks the address up, not the request. Therefore neither the answer nor its time
    shows whether the address has an account.
    """
    queue(Mail.PASSWORD_RESET, address=email)


def choose_password(uid: str, token: str, new: str) -> User:
    """Set the password of the user of this link, revoke all their sessions, and return the user.

    Raises InvalidLinkError or WeakPasswordError. Of two callers with the same link one gets
    InvalidLinkError.
    """
    user = links.user_of_password_link(uid, token)
    if user is None:
        raise InvalidLinkError
    new_hash = _hash(new, user)
    with transaction.atomic():
        # Hashing takes long, and the account may have changed since. The lock keeps it as it is.
        user = links.user_of_password_link(uid, token, User.objects.select_for_update())
        if user is None or not _store(user, new_hash):
            raise InvalidLinkError
        User.objects.filter(pk=user.pk).update(verified_email=user.email)
        revoke_sessions([user.pk], Reason.CREDENTIALS_CHANGED)
        queue(Mail.PASSWORD_CHANGED, user=str(user.pk))
    return user


def change_account(user: User, names: dict[str, str], *, email: str) -> None:
    """Store these of `first_name` and `last_name`, and send a link to a new e-mail address.

    The view verifies the password before it passes a new address. The result does not depend on
    whether another account has that address.
    """
    with transaction.atomic():
        if names:
            User.objects.filter(pk=user.pk).update(**names)
        if email != user.email:
            fingerprint = links.email_fingerprint(user, email)
            queue(Mail.EMAIL_CONFIRMATION, user=str(user.pk), address=email, mark=fingerprint)
    for name, value in names.items():
        setattr(user, name, value)


def confirm_email(token: str) -> None:
    """Store the e-mail address that this link was sent to, or raise InvalidLinkError."""
    claims = links.read_email_token(token)
    if claims is None:
        raise InvalidLinkError
    try:
        with transaction.atomic():
            _store_email(claims["user"], claims["email"], claims["mark"])
    except IntegrityError as error:  # Another account has taken the address since.
        raise InvalidLinkError from error


def delete_account(user: User, *, current: str) -> None:
    """Delete the user and revoke their sessions, or raise WrongPasswordError."""
    verify_password(user, current)
    with transaction.atomic():
        same = User.objects.select_for_update().filter(pk=user.pk, password=user.password)
        if same.first() is None:
            raise WrongPasswordError
        if user.email:
            queue(Mail.ACCOUNT_DELETED, address=user.email, username=user.username)
        user.delete()


def _hash(new: str, user: User) -> str:
    """Return the hash of this user's new password. It is slow: call it outside of transactions."""
    try:
        validate_password(new, user)
    except ValidationError as error:
        raise WeakPasswordError(error.messages) from error
    return make_password(new)


def _store(user: User, new_hash: str) -> bool:
    """Store the hash in place of the verified one; return False if that has changed.

    No session is revoked yet.
    """
    users = User.objects.filter(pk=user.pk, is_active=True)
    if not swap_password_hash(users, user.password, new_hash):
        return False
    user.password = new_hash
    report_change(user, ["password"])
    return True


def _store_email(pk: str, email: str, fingerprint: str) -> None:
    # The lock makes a second caller wait. It then finds that the fingerprint no longer matches.
    user = User.objects.select_for_update().filter(pk=pk, is_active=True).first()
    if user is None or not links.is_email_fingerprint(fingerprint, user, email):
        raise InvalidLinkError
    User.objects.filter(pk=pk).update(
        email=email, verified_email=email, email_changed_at=timezone.now()
    )
    if user.email:
        queue(Mail.EMAIL_CHANGED, address=user.email, username=user.username)
