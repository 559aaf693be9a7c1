"""How the user is found who signs in."""

from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.hashers import make_password
from django.db.models import Value
from django.db.models.functions import Lower
from django.http import HttpRequest

from accounts.models import User

LONGEST_NAME = 254  # of an e-mail address: RFC 5321, section 4.5.3.1.3


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
            return None
        if user.check_password(password) and self.user_can_authenticate(user):
            return user
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
    if not name or len(name) > LONGEST_NAME or "\0" in name:
        return None
    if "@" in name:
        return User.objects.alias(lowered=Lower("email")).filter(lowered=Lower(Value(name))).first()
    return User.objects.filter(username=User.normalize_username(name)).first()
