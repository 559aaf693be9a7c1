"""Revoke the sessions of one user or of all users."""

from contextlib import suppress
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractUser
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Q

from tokens.models import Reason
from tokens.models.users import find_by_login
from tokens.sessions.lifecycle import revoke_all_sessions, revoke_sessions


class Command(BaseCommand):
    """Refresh tokens of revoked sessions are invalid immediately, and the users sign in again.

    With --all the signing keys are replaced too, so that access tokens are invalid as well.
    """

    help = "Revoke all sessions of one user, or with --all of all users, including browsers."

    def add_arguments(self, parser: CommandParser) -> None:
        whom = parser.add_mutually_exclusive_group(required=True)
        whom.add_argument("user", nargs="?", help="user name, e-mail address or id")
        whom.add_argument("--all", action="store_true", help="all users")
        parser.add_argument(
            "--reason",
            choices=Reason.values,
            default=Reason.ADMIN.value,
            help="the reason in the sessions' rows and in the log (default admin)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        reason = Reason(options["reason"])
        if options["all"]:
            revoked = sum(revoke_all_sessions(reason))
            self.stdout.write(f"Revoked {revoked} active sessions.")
        else:
            user = find_user(options["user"])
            revoked = revoke_sessions([user.pk], reason)
            self.stdout.write(f"Revoked {revoked} active sessions of {user.get_username()}.")


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
