"""Alerts about a sign-in on a new device, and about one that follows many failed ones.

ASVS 5.0 6.3.5: the password may have been guessed. TOKENS["THROTTLES"] sets how many failures are
many (`failed_sign_in`), and how often the owner receives a mail about the next sign-in
(`sign_in_mail`) and about new devices (`new_device_mail`). Successful sign-ins are not counted.
"""

from typing import Any

from django.conf import settings
from django.dispatch import receiver
from django.utils.formats import date_format

from accounts.mail.letters import Mail
from accounts.mail.queue import queue
from accounts.models import User
from accounts.security_log import log
from tokens.http import throttles
from tokens.models import DeviceSession
from tokens.models.user_agents import friendly_name
from tokens.signals import new_device_used


def note_sign_in(user: User) -> None:
    """Log the sign-in and notify the owner, if it follows many failed ones."""
    account = str(user.pk)
    if throttles.is_exhausted("failed_sign_in", account):
        log.warning("sign_in_after_failures", user=account)
        if throttles.allows("sign_in_mail", account):
            queue(Mail.SIGN_IN_AFTER_FAILURES, user=account)


def note_failed_sign_in(user: User | None) -> None:
    """Count a failed sign-in. One without an account is counted too, so that it takes as long."""
    throttles.allows("failed_sign_in", str(user and user.pk))


@receiver(new_device_used.in_transaction)
def note_new_device(session: DeviceSession, **kwargs: Any) -> None:
    """Notify the owner, but not of every label that a client chooses."""
    user = str(session.user_id)
    if settings.NEW_DEVICE_MAIL and throttles.allows("new_device_mail", user):
        queue(
            Mail.SIGN_IN_NEW_DEVICE,
            user=user,
            device=session.device or friendly_name(session.user_agent),
            ip_address=session.ip_address or "",
            moment=date_format(session.created_at, "DATETIME_FORMAT"),
        )
