"""What others did to somebody's account is told to that person by mail.

That is what an administrator changes, a sign-in that comes after many that failed, and a refresh
token that somebody has a copy of.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import transaction
from django.dispatch import receiver

from accounts.events import log
from accounts.mail.letters import Mail
from accounts.mail.queue import queue
from accounts.models import User
from tokens.http import throttles
from tokens.models import DeviceSession
from tokens.signals import refresh_token_reused

#: What is told, in people's words. A new address may be a thief's, and a new name is needed.
NOTIFIED_FIELDS = {
    "password": "password",
    "username": "user name (now {username})",
    "email": "e-mail address",
}


@contextmanager
def notify_owner(user: User) -> Iterator[None]:
    """Queue mails about what the block changes of this user, in one transaction with it.

    They go to the address before and to the one after: whoever takes an account over by its
    address must not be the only one to hear of it.
    """
    users = User.objects.filter(pk=user.pk)
    with transaction.atomic():
        before = users.select_for_update().first()
        yield
        after = users.first()
        if before and after:
            queue_notices(before, after)


def queue_notices(before: User, after: User) -> None:
    differing = [
        words.format(username=after.username)
        for name, words in NOTIFIED_FIELDS.items()
        if getattr(before, name) != getattr(after, name)
    ]
    changed = ", ".join(differing)
    for address in {before.email, after.email} - {""}:
        about = {"address": address, "username": before.username}
        if changed:
            queue(Mail.CHANGED_BY_ADMINISTRATOR, **about, changed=changed)
        if before.is_active and not after.is_active:
            queue(Mail.DEACTIVATED, **about)


def note_sign_in(user: User) -> None:
    """Tell the owner of a sign-in that comes after many that failed: it may have been guessed.

    ASVS 5.0 6.3.5. How many are many, and how often one is told, is in TOKENS["THROTTLES"]; what
    counts are failures, so an owner who signs in often hears nothing.
    """
    who = str(user.pk)
    if throttles.is_exhausted("failed_sign_in", who):
        log.warning("sign_in_after_failures", user=who)
        if throttles.allows("sign_in_mail", who):
            queue(Mail.SIGN_IN_AFTER_FAILURES, user=who)


def note_failed_sign_in(user: User | None) -> None:
    """Count a sign-in that failed, also of nobody's account, lest that take less time."""
    throttles.allows("failed_sign_in", str(user and user.pk))


@receiver(refresh_token_reused)
def note_reuse(session: DeviceSession, **kwargs: Any) -> None:
    queue(Mail.REFRESH_TOKEN_REUSED, user=str(session.user_id), device=session.device)
