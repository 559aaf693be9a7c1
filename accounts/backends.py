"""How the user is found who signs in."""

from typing import Any, cast

from asgiref.sync import sync_to_async
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.hashers import make_password
from django.http import HttpRequest

from accounts.mail.notices import note_failed_sign_in, note_sign_in
from accounts.models import User
from tokens.models.users import find_by_login


class NameOrEmailBackend(ModelBackend):
    """Sign in by user name or by e-mail address, with one hash computed whoever is asked for."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> User | None:
        """Return the active user with this name and password, or None."""
        if username is None or password is None:
            return None
        user = find_user(username)
        if user is None:
            make_password(password)
        elif user.check_password(password) and self.user_can_authenticate(user):
            note_sign_in(user)
            return user
        note_failed_sign_in(user)
        return None

    async def aauthenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> User | None:
        """Do what `authenticate` does, for asynchronous callers."""
        return await sync_to_async(self.authenticate)(request, username, password, **kwargs)


def find_user(name: str) -> User | None:
    """Return the user with this user name or e-mail address; what has an "@" is an address."""
    return cast("User | None", find_by_login(name).first())
