"""The text of each kind of mail."""

import re
from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum
from functools import partial

from django.conf import settings
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.timesince import timesince
from django.utils.translation import gettext

from accounts import links
from accounts.models import User
from tokens.models import ServiceSecret
from tokens.models.bidi import isolate
from tokens.models.lines import one_line
from tokens.models.users import find_by_login


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
    SIGN_IN_NEW_DEVICE = "sign_in_new_device"
    REFRESH_TOKEN_REUSED = "refresh_token_reused"
    SERVICE_SECRET_CREATED = "service_secret_created"
    SERVICE_SECRET_EXPIRES = "service_secret_expires"


def password_reset(address: str) -> EmailMessage | None:
    user: User | None = find_by_login(address).first()
    if user is None or not user.is_active or not user.has_usable_password():
        return None
    # The address in the request may only look like the stored one, so it is not used.
    return with_password_link(Mail.PASSWORD_RESET, user)


def invitation(user: str) -> EmailMessage | None:
    invited = find_active(user)
    if invited is None or not invited.email:
        return None
    password = "set" if invited.has_usable_password() else ""
    return with_password_link(Mail.INVITATION, invited, password=password)


def with_password_link(mail: Mail, user: User, **about: str) -> EmailMessage:
    link, act = links.password_link(user), gettext("Choose a password")
    return write(mail, user.email, username=user.username, link=link, act=act, **about)


def email_confirmation(user: str, address: str, mark: str) -> EmailMessage | None:
    """Return the mail to the new address; None if another account has it or this one changed."""
    owner, other = find_active(user), find_by_login(address).first()
    if owner is None or other not in (None, owner):
        return None
    if not links.is_email_fingerprint(mark, owner, address):
        return None
    link = links.email_link(owner, address, mark)
    about = {"username": owner.username, "link": link, "act": gettext("Confirm the address")}
    return write(Mail.EMAIL_CONFIRMATION, address, **about)


def to_owner(mail: Mail, user: str, **about: str) -> EmailMessage | None:
    """Return the mail to the present address of the account, or None if it has no address."""
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


def about_secret(mail: Mail, user: str, secret: str) -> EmailMessage | None:
    """Return the mail to an owner of the secret's service account, or None if the row is gone."""
    row = ServiceSecret.objects.select_related("account", "created_by").filter(pk=secret).first()
    if row is None:
        return None
    return to_owner(
        mail,
        user,
        account=row.account.name,
        prefix=str(row),
        creator=row.created_by.username if row.created_by else "",
        expires=date_format(row.expires_at),
    )


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
    Mail.SIGN_IN_NEW_DEVICE: partial(to_owner, Mail.SIGN_IN_NEW_DEVICE),
    Mail.REFRESH_TOKEN_REUSED: partial(to_owner, Mail.REFRESH_TOKEN_REUSED),
    Mail.SERVICE_SECRET_CREATED: partial(about_secret, Mail.SERVICE_SECRET_CREATED),
    Mail.SERVICE_SECRET_EXPIRES: partial(about_secret, Mail.SERVICE_SECRET_EXPIRES),
}


def find_active(pk: str) -> User | None:
    return User.objects.filter(pk=pk, is_active=True).first()


def write(mail: Mail, address: str, **context: str) -> EmailMultiAlternatives:
    """Return the mail to this address, as plain text and as HTML.

    The template gives the subject and the paragraphs; the HTML part shows the same paragraphs, and
    a button for the link. Every value is put on one line, so that no name can add a paragraph or
    a header. The forms check this too, but a row can be older than the check.
    """
    written = {name: isolate(one_line(text)) for name, text in context.items()}
    site = {"site": settings.PUBLIC_URL, "site_name": settings.SITE_NAME}
    values = {**written, **site, "lifetime": link_lifetime()}
    subject, _, body = render_to_string(f"mail/{mail}.txt", values).partition("\n\n")
    parts = body.strip().split("\n\n")
    paragraphs = [part if part == written.get("link") else link_pages(part) for part in parts]
    page = render_to_string(
        "mail/letter.html", {**values, "subject": subject, "paragraphs": paragraphs}
    )
    message = EmailMultiAlternatives(subject, body, to=[address])
    message.attach_alternative(page, "text/html")
    return message


def link_pages(paragraph: str) -> str:
    """Return the paragraph as HTML. Addresses of the site's pages are links, and no others are."""
    parts = re.split(f"({re.escape(settings.PUBLIC_URL)}/[a-z/]+)", paragraph)
    parts[1::2] = [format_html('<a href="{0}">{0}</a>', page) for page in parts[1::2]]
    return format_html_join("", "{}", ((part,) for part in parts))


def link_lifetime() -> str:
    """Return how long a link works, in words such as "1 day"."""
    now = timezone.now()
    return timesince(now, now + timedelta(seconds=settings.PASSWORD_RESET_TIMEOUT))
