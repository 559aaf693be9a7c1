"""Create a service account with its first secret."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from tokens.conf import conf
from tokens.jwt.grants import known_scopes
from tokens.management.users import find_user
from tokens.models import ServiceAccount
from tokens.service_accounts.accounts import DEFAULT_LIFETIME, MAX_LIFETIME, create_secret


class Command(BaseCommand):
    """The secret is printed once. The site stores only its hash."""

    help = "Create a service account, and print its client id and its first secret."

    def add_arguments(self, parser: CommandParser) -> None:
        days, most = DEFAULT_LIFETIME.days, MAX_LIFETIME.days
        parser.add_argument("name", help="the unique name of the program")
        parser.add_argument(
            "--scope", action="append", default=[], help="a scope of its tokens; repeatable"
        )
        parser.add_argument(
            "--audience",
            action="append",
            default=[],
            help="a service that its own and its exchanged tokens can be for; repeatable",
        )
        parser.add_argument(
            "--days", type=int, default=days, help=f"lifetime of the secret, 1 to {most} ({days})"
        )
        parser.add_argument("--description", default="", help="what the program does")
        parser.add_argument(
            "--owner",
            action="append",
            default=[],
            help="user name, e-mail address or id of a person who receives mail about the account;"
            " repeatable",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not 1 <= options["days"] <= MAX_LIFETIME.days:
            raise CommandError(f"--days must be from 1 to {MAX_LIFETIME.days}.")
        account = ServiceAccount(
            name=options["name"],
            description=options["description"],
            scope=join_known(options["scope"], known_scopes(), "scope"),
            audience=join_known(options["audience"], conf().audiences, "audience"),
        )
        owners = [find_user(owner).pk for owner in options["owner"]]
        try:
            account.full_clean()
        except ValidationError as error:
            raise CommandError(describe(error)) from error
        with transaction.atomic():
            account.save(force_insert=True)
            account.owners.set(owners)
            _secret, text = create_secret(account, lifetime=timedelta(days=options["days"]))
        self.stdout.write(f"client_id: {account.pk}\nclient_secret: {text}")


def describe(error: ValidationError) -> str:
    """Return the messages of the error, each with the argument that it is about."""
    return " ".join(
        f"{name}: {message}"
        for name, messages in error.message_dict.items()
        for message in messages
    )


def join_known(names: Iterable[str], known: Iterable[str], kind: str) -> str:
    """Return the names separated by spaces, or raise CommandError if one does not exist."""
    known, names = [*known], dict.fromkeys(names)
    for name in names:
        if name not in known:
            choices = ", ".join(known)
            raise CommandError(f"There is no {kind} {name!r}. The settings define: {choices}.")
    return " ".join(names)
