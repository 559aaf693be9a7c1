"""The password validators that are added to those of Django."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from accounts.models import User


class MaximumLengthValidator:
    """Refuse a password over 1,024 characters instead of truncating it.

    ASVS 5.0 6.2.8 and 6.2.9: no password is truncated, and at least 64 characters are allowed.
    """

    limit = 1024

    def validate(self, password: str, user: User | None = None) -> None:
        if len(password) > self.limit:
            raise ValidationError(self.get_help_text(), code="password_too_long")

    def get_help_text(self) -> str:
        return _("Your password can have at most %(limit)s characters.") % {"limit": self.limit}


class ContextWordValidator:
    """Refuse a password that consists of the user's or site's name (ASVS 5.0 6.2.11)."""

    def validate(self, password: str, user: User | None = None) -> None:
        rest = password.casefold()
        for word in sorted({*_words(user)}, key=len, reverse=True):
            rest = rest.replace(word, "") if len(word) > 2 else rest
        if sum(character.isalnum() for character in rest) < 6 and rest != password.casefold():
            raise ValidationError(
                _("This password is made of your name or this site's."),
                code="password_context_word",
            )

    def get_help_text(self) -> str:
        return _("Your password can't be made of your name or this site's.")


def _words(user: User | None) -> Iterator[str]:
    """Yield the names of the site and of the user, whole and in words of four letters or more."""
    names = [settings.SITE_NAME, urlsplit(settings.PUBLIC_URL).hostname or ""]
    if user is not None:
        given = (user.username, user.email, user.first_name, user.last_name)
        names += [name for name in given if name]  # a form leaves a name empty that it refused
    for name in map(str.casefold, names):
        yield name.partition("@")[0]
        yield from (word for word in re.split(r"[\W_]+", name) if len(word) > 3)
