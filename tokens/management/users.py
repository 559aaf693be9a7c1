"""Find the user that an operator names in a command."""

from contextlib import suppress

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractUser
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError
from django.db.models import Q

from tokens.models.users import find_by_login


def find_user(text: str) -> AbstractUser:
    """Return the only user with this user name, e-mail address or id, or raise CommandError."""
    model = get_user_model()
    wanted = Q(pk__in=find_by_login(text))
    with suppress(ValidationError):  # raised if the text is not an id
        wanted |= Q(pk=model._meta.pk.to_python(text))
    users = list(model._base_manager.filter(wanted)[:2])
    if not users:
        raise CommandError(f"There is no user with the user name, e-mail address or id {text!r}.")
    if len(users) > 1:
        raise CommandError("Several users match: give the id of one of them.")
    return users[0]
