"""Alerts about a sign-in that follows many failed ones, because the password may have been guessed.

ASVS 5.0 6.3.5. TOKENS["THROTTLES"] sets how many failures are many (`failed_sign_in`) and how often
the owner receives a mail (`sign_in_mail`). Successful sign-ins are not counted.
"""

from accounts.events import log
from accounts.mail.letters import Mail
from accounts.mail.queue import queue
from accounts.models import User
from tokens.http import throttles


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
