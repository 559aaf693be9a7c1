"""What a password must not be, beyond what Django refuses already."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError

from accounts.models import User


class MaximumLengthValidator:
    """Refuse a password over 1,024 characters, whole and by name, instead of truncating it.

    ASVS 5.0 6.2.8 and 6.2.9: nothing is cut off, and at least 64 characters are allowed.
    """

    limit = 1024

    def validate(self, password: str, user: User | None = None) -> None:
        if len(password) > self.limit:
            raise ValidationError(self.get_help_text(), code="password_too_long")

    def get_help_text(self) -> str:
        return f"Your password can have at most {self.limit} characters."


class ContextWordValidator:
    """Refuse a password that is little more than the user's or site's name (ASVS 5.0 6.2.11)."""

    def validate(self, password: str, user: User | None = None) -> None:
        rest = password.casefold()
        for word in sorted({"latchkey", *_words(user)}, key=len, reverse=True):
            rest = rest.replace(word, "") if len(word) > 2 else rest
        if sum(character.isalnum() for character in rest) < 6 and rest != password.casefold():
            raise ValidationError(
                "This password is made of your name or this site's.", code="password_context_word"
            )

    def get_help_text(self) -> str:
        return "Your password can't be made of your name or this site's."


def _words(user: User | None) -> Iterator[str]:
    """Yield the site's address and the user's names, whole and in words of four letters or more."""
    names = [urlsplit(settings.PUBLIC_URL).hostname or ""]
    if user is not None:
        given = (user.username, user.email, user.first_name, user.last_name)
        names += [name for name in given if name]  # a form may have refused one
    for name in map(str.casefold, names):
        yield name.partition("@")[0]
        yield from (word for word in re.split(r"[\W_]+", name) if len(word) > 3)
