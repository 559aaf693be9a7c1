"""Delete expired rows, and encrypt private keys with the newest secret key."""

from argparse import ArgumentTypeError
from collections import Counter
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser

from tokens.keys.lifecycle import reencrypt
from tokens.sessions.purge import purge

LARGEST_SLICE = 10_000


def slice_size(text: str) -> int:
    """Return the size as a number, or raise ArgumentTypeError."""
    if not text.isdecimal() or not 1 <= int(text) <= LARGEST_SLICE:
        raise ArgumentTypeError(f"a slice has 1 to {LARGEST_SLICE} rows")
    return int(text)


class Command(BaseCommand):
    """Safe to run at any time and as often as you want, for example from cron."""

    help = (
        "Delete expired sessions, blacklist entries, service secrets, browser data and security"
        " events. Encrypt the private keys with SECRET_KEY if they still need a fallback."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--slice",
            type=slice_size,
            default=1000,
            metavar="ROWS",
            help="rows deleted in one transaction (default 1000)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("clearsessions")  # the expired session data of browsers
        reencrypt()  # so that a fallback of the secret key can be removed
        deleted: Counter[str] = Counter()
        for name, rows in purge(options["slice"]):
            deleted[name] += rows
            if self.stdout.isatty():
                self.stdout.write(f"\r{deleted.total()} rows deleted", ending="")
                self.stdout.flush()
        if self.stdout.isatty():
            self.stdout.write()
        for name, rows in deleted.items():
            self.stdout.write(f"{name}: {rows} deleted")
