"""The validator that refuses breached passwords. It sends no password to another service."""

from django.utils.translation import gettext_lazy as _
from pwned_passwords_django.api import PwnedPasswords
from pwned_passwords_django.validators import PwnedPasswordsValidator


class BreachedPasswordValidator(PwnedPasswordsValidator):
    """Refuse a password that the service at `url` knows to be stolen (ASVS 5.0 6.2.12).

    The validator sends the first five of the 40 hexadecimal digits of the password's SHA-1. The
    service answers with all stolen passwords whose SHA-1 begins with them. If it does not answer
    within a second, the validator looks the password up in Django's list of 20,000 common ones.
    """

    def __init__(self, url: str) -> None:
        service = PwnedPasswords()
        service.api_endpoint = url
        super().__init__(
            error_message=_("This password was stolen from another site, and is known."),
            help_message=_("Your password can't be one that was stolen from another site."),
            api_client=service,
        )
