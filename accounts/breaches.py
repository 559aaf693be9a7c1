"""Passwords that were stolen elsewhere, asked for at a service that never sees the password."""

from pwned_passwords_django.api import PwnedPasswords
from pwned_passwords_django.validators import PwnedPasswordsValidator


class BreachedPasswordValidator(PwnedPasswordsValidator):
    """Refuse a password that the service at `url` knows to be stolen (ASVS 5.0 6.2.12).

    It is sent the first five of the 40 hexadecimal digits of the password's SHA-1, and answers with
    all the stolen ones that begin so. If it does not answer within a second, the password is looked
    for among Django's 20,000 most common stolen ones.
    """

    def __init__(self, url: str) -> None:
        service = PwnedPasswords()
        service.api_endpoint = url
        super().__init__(
            error_message="This password was stolen from another site, and is known.",
            help_message="Your password can't be one that was stolen from another site.",
            api_client=service,
        )
