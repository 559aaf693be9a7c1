"""Mails that notify the owners of an account or a service account.

The owner of an account receives a mail about a change by an administrator, and about the reuse of a
refresh token, which means that a copy exists. accounts/sign_in_alerts.py has the mails about
sign-ins. The owners of a service account receive a mail about each new secret, and another one
before it expires.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.dispatch import receiver
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_tasks import task

from accounts.mail.letters import Mail
from accounts.mail.queue import queue
from accounts.models import User
from tokens.models import DeviceSession, ServiceSecret
from tokens.signals import refresh_token_reused, service_secret_created

#: The owners are reminded of a secret so long before it expires. A secret with a shorter lifetime
#: has no reminder: the mail about its creation says when it expires.
REMINDER = timedelta(days=30)

#: The changes that a mail reports. It gives the new user name, which the owner needs to sign in.
#: It does not give the new e-mail address, because an attacker may have set it.
NOTIFIED_FIELDS = {
    "password": _("password"),
    "username": _("user name (now {username})"),
    "email": _("e-mail address"),
}


@contextmanager
def notify_owner(user: User) -> Iterator[None]:
    """Queue mails about the changes that the block makes to this user, in one transaction with it.

    The mails go to the old address and to the new one. Otherwise only the attacker would learn of
    a changed address.
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


@receiver(refresh_token_reused)
def note_reuse(session: DeviceSession, **kwargs: Any) -> None:
    queue(Mail.REFRESH_TOKEN_REUSED, user=str(session.user_id), device=session.device)


@receiver(service_secret_created)
def note_secret_created(secret: ServiceSecret, **kwargs: Any) -> None:
    queue_to_owners(Mail.SERVICE_SECRET_CREATED, secret)
    moment = secret.expires_at - REMINDER
    if moment > timezone.now():
        remind_owners.using(run_after=moment).enqueue(secret.pk)


@task()
def remind_owners(secret: int) -> None:
    """Queue mails to the present owners, unless the secret is disabled or has a replacement."""
    row = ServiceSecret.objects.select_related("account", "session").filter(pk=secret).first()
    if row is not None and row.is_active and not has_replacement(row):
        queue_to_owners(Mail.SERVICE_SECRET_EXPIRES, row)


def has_replacement(secret: ServiceSecret) -> bool:
    """Return whether the account has a newer secret that is valid for longer."""
    newer = secret.account.secrets.filter(pk__gt=secret.pk, expires_at__gt=secret.expires_at)
    return newer.filter(session__revoked_at=None).exists()


def queue_to_owners(mail: Mail, secret: ServiceSecret) -> None:
    for owner in secret.account.owners.filter(is_active=True):
        queue(mail, user=str(owner.pk), secret=str(secret.pk))
