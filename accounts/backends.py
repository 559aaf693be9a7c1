"""The authentication backend of the site."""

from typing import cast

from django.contrib.auth.models import AbstractUser

from accounts.models import User
from accounts.sign_in_alerts import note_failed_sign_in, note_sign_in
from tokens.http.backends import PasswordBackend
from tokens.models.users import find_by_login


class NameOrEmailBackend(PasswordBackend):
    """Sign in by user name or by e-mail address; a name with an "@" is an address."""

    def find(self, name: str) -> User | None:
        """Return the user with this user name or e-mail address, or None."""
        return cast("User | None", find_by_login(name).first())

    def verify(self, user: AbstractUser | None, password: str) -> bool:
        """Return whether the user may sign in with this password, and count a failure."""
        verified, owner = super().verify(user, password), cast("User | None", user)
        if verified and owner:
            note_sign_in(owner)
        else:
            note_failed_sign_in(owner)
        return verified
