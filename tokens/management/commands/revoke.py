"""Revoke the sessions of one user or of all users."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from tokens.management.users import find_user
from tokens.models import Reason
from tokens.sessions.lifecycle import revoke_all_sessions, revoke_sessions


class Command(BaseCommand):
    """Refresh tokens of revoked sessions are invalid immediately, and the users sign in again.

    With --all the signing keys are replaced too, so that access tokens are invalid as well.
    """

    help = (
        "Revoke all sessions of one user, including browsers, or with --all those of all users."
        " --all also replaces the signing keys. Secrets of service accounts stay valid."
    )

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
