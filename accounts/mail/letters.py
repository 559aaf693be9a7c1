"""The text of each kind of mail."""

from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum
from functools import partial

from django.conf import settings
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.timesince import timesince

from accounts import links
from accounts.models import User
from tokens.models.bidi import isolate
from tokens.models.lines import one_line
from tokens.models.users import find_by_login

CHOOSE = "Choose a password"  # what a link is for


class Mail(StrEnum):
    """The kinds of mail; each has a template of this name, whose first line is the subject."""

    PASSWORD_RESET = "password_reset"
    INVITATION = "invitation"
    EMAIL_CONFIRMATION = "email_confirmation"
    PASSWORD_CHANGED = "password_changed"
    EMAIL_CHANGED = "email_changed"
    ACCOUNT_DELETED = "account_deleted"
    CHANGED_BY_ADMINISTRATOR = "changed_by_administrator"
    DEACTIVATED = "deactivated"
    SIGN_IN_AFTER_FAILURES = "sign_in_after_failures"
    REFRESH_TOKEN_REUSED = "refresh_token_reused"


def password_reset(address: str) -> EmailMessage | None:
    user: User | None = find_by_login(address).first()
    if user is None or not user.is_active or not user.has_usable_password():
        return None
    # To the address in the row: the one that was asked for may only look the same.
    link = links.password_link(user)
    return write(Mail.PASSWORD_RESET, user.email, username=user.username, link=link, act=CHOOSE)


def invitation(user: str) -> EmailMessage | None:
    invited = find_active(user)
    if invited is None or not invited.email:
        return None
    link = links.password_link(invited)
    return write(Mail.INVITATION, invited.email, username=invited.username, link=link, act=CHOOSE)


def email_confirmation(user: str, address: str, mark: str) -> EmailMessage | None:
    """Write to the new address, unless it is another account's or the account has changed."""
    owner, other = find_active(user), find_by_login(address).first()
    if owner is None or other not in (None, owner):
        return None
    if not links.is_email_fingerprint(mark, owner, address):
        return None
    link = links.email_link(owner, address, mark)
    about = {"username": owner.username, "link": link, "act": "Confirm the address"}
    return write(Mail.EMAIL_CONFIRMATION, address, **about)


def to_owner(mail: Mail, user: str, **about: str) -> EmailMessage | None:
    """Write to the address that the account has now, if it has one."""
    owner = User.objects.filter(pk=user).exclude(email="").first()
    return None if owner is None else write(mail, owner.email, username=owner.username, **about)


def email_changed(address: str, username: str) -> EmailMessage | None:
    return write(Mail.EMAIL_CHANGED, address, username=username)


def account_deleted(address: str, username: str) -> EmailMessage | None:
    return write(Mail.ACCOUNT_DELETED, address, username=username)


def changed_by_administrator(address: str, username: str, changed: str) -> EmailMessage | None:
    kind = Mail.CHANGED_BY_ADMINISTRATOR
    return write(kind, address, username=username, changed=changed)


def deactivated(address: str, username: str) -> EmailMessage | None:
    return write(Mail.DEACTIVATED, address, username=username)


COMPOSE: dict[Mail, Callable[..., EmailMessage | None]] = {
    Mail.PASSWORD_RESET: password_reset,
    Mail.INVITATION: invitation,
    Mail.EMAIL_CONFIRMATION: email_confirmation,
    Mail.PASSWORD_CHANGED: partial(to_owner, Mail.PASSWORD_CHANGED),
    Mail.EMAIL_CHANGED: email_changed,
    Mail.ACCOUNT_DELETED: account_deleted,
    Mail.CHANGED_BY_ADMINISTRATOR: changed_by_administrator,
    Mail.DEACTIVATED: deactivated,
    Mail.SIGN_IN_AFTER_FAILURES: partial(to_owner, Mail.SIGN_IN_AFTER_FAILURES),
    Mail.REFRESH_TOKEN_REUSED: partial(to_owner, Mail.REFRESH_TOKEN_REUSED),
}


def find_active(pk: str) -> User | None:
    return User.objects.filter(pk=pk, is_active=True).first()


def write(mail: Mail, address: str, **context: str) -> EmailMultiAlternatives:
    """Return the mail to this address as its template has it, as text and as a page.

    The page has the paragraphs of the text; one may be the link. Every value is written on one
    line, even if its row is older than the checks: no name can add a paragraph or a subject.
    """
    written = {name: isolate(one_line(text)) for name, text in context.items()}
    values = {**written, "site": settings.PUBLIC_URL, "lifetime": lifetime_of_a_link()}
    subject, _, body = render_to_string(f"mail/{mail}.txt", values).partition("\n\n")
    paragraphs = body.strip().split("\n\n")
    page = render_to_string(
        "mail/letter.html", {**values, "subject": subject, "paragraphs": paragraphs}
    )
    message = EmailMultiAlternatives(subject, body, to=[address])
    message.attach_alternative(page, "text/html")
    return message


def lifetime_of_a_link() -> str:
    """Return how long a link works in people's words, as in "1 day"."""
    now = timezone.now()
    return timesince(now, now + timedelta(seconds=settings.PASSWORD_RESET_TIMEOUT))
