"""Create the first administrator of a new site."""

import os
import secrets
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from accounts.models import User


class Command(BaseCommand):
    """Named by ADMIN_USERNAME, with ADMIN_PASSWORD or a random password that is printed once."""

    help = "Create the first administrator, if the site has no user."

    def handle(self, *args: Any, **options: Any) -> None:
        created = create_first_admin()
        for sentence in announcement(**created) if created else ():
            self.stdout.write(sentence)


def create_first_admin() -> dict[str, str]:
    """Create the administrator; return the `username`, and the `password` if it was made up here.

    Returns nothing if the site has users, even if none of them is a superuser: an old password in
    `.env` must not create another one. Raises CommandError if the name or the password cannot be
    used.
    """
    if User.objects.exists():
        return {}
    given = os.environ.get("ADMIN_PASSWORD", "")
    password = given or secrets.token_urlsafe(15)
    name = os.environ.get("ADMIN_USERNAME", "") or "admin"
    user = User(username=name, is_staff=True, is_superuser=True)
    user.set_password(password)
    try:
        user.full_clean()
        validate_password(password, user)
    except ValidationError as error:
        sentences = " ".join(error.messages)
        raise CommandError(f"The first administrator cannot be created: {sentences}") from error
    user.save()
    return {"username": name, **({} if given else {"password": password})}


def announcement(*, username: str, password: str = "") -> list[str]:
    """Return the sentences that tell the operator of the new administrator."""
    sentences = [f"Created the administrator {username}."]
    if password:
        sentences.append(f"The password is {password} and is not shown again.")
    return sentences
