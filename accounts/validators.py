"""What a password must not be, beyond what Django refuses already."""

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
    """Refuse a password that is little more than the name of this site (ASVS 5.0 6.2.11)."""

    def validate(self, password: str, user: User | None = None) -> None:
        host = urlsplit(settings.PUBLIC_URL).hostname or ""
        rest = password.casefold()
        for word in (
            "latchkey",
            *(label for label in host.casefold().split(".") if len(label) > 3),
        ):
            rest = rest.replace(word, "")
        if sum(character.isalnum() for character in rest) < 6 and rest != password.casefold():
            raise ValidationError(
                "This password is made of the name of this site.", code="password_context_word"
            )

    def get_help_text(self) -> str:
        return "Your password can't be made of the name of this site."
