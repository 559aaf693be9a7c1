"""What an administrator changes of somebody's account is told to that person by mail."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction

from accounts.mail import Mail, queue
from accounts.models import User

#: What is told, in people's words. A new address may be a thief's, and a new name is needed.
TOLD = {
    "password": "password",
    "username": "user name (now {username})",
    "email": "e-mail address",
}


@contextmanager
def told(user: User) -> Iterator[None]:
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
            tell(before, after)


def tell(before: User, after: User) -> None:
    differing = [
        words.format(username=after.username)
        for name, words in TOLD.items()
        if getattr(before, name) != getattr(after, name)
    ]
    changed = ", ".join(differing)
    for address in {before.email, after.email} - {""}:
        about = {"address": address, "username": before.username}
        if changed:
            queue(Mail.CHANGED_BY_ADMINISTRATOR, **about, changed=changed)
        if before.is_active and not after.is_active:
            queue(Mail.DEACTIVATED, **about)
