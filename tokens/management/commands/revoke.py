"""End the sessions of one user, or of everybody."""

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
    """Who is ended signs in again; the refresh tokens of ended sessions are dead at once.

    With --all the signing keys are replaced too, so that no access token outlives the sessions.
    """

    help = "End every session of one user, or with --all of everybody, browsers included."

    def add_arguments(self, parser: CommandParser) -> None:
        whom = parser.add_mutually_exclusive_group(required=True)
        whom.add_argument("user", nargs="?", help="user name, e-mail address or id")
        whom.add_argument("--all", action="store_true", help="everybody")
        parser.add_argument(
            "--reason",
            choices=Reason.values,
            default=Reason.ADMIN.value,
            help="what the sessions' rows and the log will say (default admin)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        reason = Reason(options["reason"])
        if options["all"]:
            ended = sum(revoke_all_sessions(reason))
            self.stdout.write(f"Ended {ended} living sessions.")
        else:
            user = find_user(options["user"])
            ended = revoke_sessions([user.pk], reason)
            self.stdout.write(f"Ended {ended} living sessions of {user.get_username()}.")


def find_user(text: str) -> AbstractUser:
    """Return the only user with this user name, e-mail address or id, or raise CommandError."""
    model = get_user_model()
    wanted = Q(pk__in=find_by_login(text))
    with suppress(ValidationError):  # raised by what is no id
        wanted |= Q(pk=model._meta.pk.to_python(text))
    users = list(model._base_manager.filter(wanted)[:2])
    if not users:
        raise CommandError("There is no user with this user name, e-mail address or id.")
    if len(users) > 1:
        raise CommandError("That is several users: give the id of the one you mean.")
    return users[0]
