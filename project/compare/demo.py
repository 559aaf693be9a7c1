"""A temporary user for the comparison. Nothing of it remains."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.contrib.auth.models import Group
from django.db import transaction
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from accounts.models import User
from tokens.models import BlacklistedToken, DeviceSession, Event, Reason
from tokens.sessions.lifecycle import revoke_sessions

PREFIX = "demo-"
FORGOTTEN = timedelta(hours=1)  # the age of a user that a process left behind when it was killed


@contextmanager
def demo_user() -> Iterator[User]:
    """Create a user without a password, and remove it with its sessions and events.

    The user has no e-mail address, so the site sends it no mail. Give its
    tokens to no client: an access token stays valid after its session is removed, because no
    snapshot can list it.
    """
    remove_forgotten()
    user = User(username=f"{PREFIX}{secrets.token_hex(16)}")
    user.set_unusable_password()
    user.save()
    try:
        yield user
    finally:
        remove(user)


def remove_forgotten() -> None:
    """Remove the users that a killed process left behind."""
    forgotten = User.objects.filter(
        username__startswith=PREFIX,  # for the index
        username__regex=rf"^{PREFIX}[0-9a-f]{{32}}$",
        email="",
        password__startswith=UNUSABLE_PASSWORD_PREFIX,
        date_joined__lt=timezone.now() - FORGOTTEN,
    )
    for user in forgotten:
        remove(user)


def remove(user: User) -> None:
    """Remove the user with its group, sessions, blacklisted tokens and events. No event remains.

    A demonstration that needs a role gives the user a group of the same name.
    """
    revoke_sessions([user.pk], Reason.DELETED)
    with transaction.atomic():
        user.groups.clear()
        Group.objects.filter(name=user.username).delete()
        Event.objects.filter(user=user.pk).delete()
        BlacklistedToken.objects.filter(user=user).delete()
        DeviceSession.objects.filter(user=user).delete()
        # The mails about reused tokens, which have no recipient.
        DBTaskResult.objects.filter(args_kwargs__icontains=str(user.pk)).delete()
        # `delete` would write an event about a person who never existed.
        User._base_manager.filter(pk=user.pk)._raw_delete(User.objects.db)
