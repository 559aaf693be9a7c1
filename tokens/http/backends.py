"""The authentication backend for sign-in with a password."""

from typing import Any, cast

from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import AbstractUser
from django.http import HttpRequest

from tokens.sessions.credentials import check_password


class PasswordBackend(ModelBackend):
    """Django's ModelBackend, except that a hash upgrade signs no device out.

    It does so for every user model. A model with `UserMixin` needs it for nothing else.
    """

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> Any:
        """Return the active user with this name and password, or None."""
        if username is None:
            username = kwargs.get(get_user_model().USERNAME_FIELD)
        if username is None or password is None:
            return None
        user = self.find(username)
        return user if self.verify(user, password) else None

    async def aauthenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> Any:
        """Do the same as `authenticate`, for asynchronous callers."""
        return await sync_to_async(self.authenticate)(request, username, password, **kwargs)

    def find(self, name: str) -> AbstractUser | None:
        """Return the user of this name, or None."""
        model = get_user_model()
        users = model._default_manager.filter(**{model.USERNAME_FIELD: name})
        return cast("AbstractUser | None", users.first())

    def verify(self, user: AbstractUser | None, password: str) -> bool:
        """Return whether the user may sign in with this password; an unknown user takes as long."""
        if user is None:
            make_password(password)
            return False
        return check_password(user, password) and self.user_can_authenticate(cast("Any", user))
