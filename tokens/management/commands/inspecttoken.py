"""Say what a token is, and whether it would be accepted now."""

import argparse
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from tokens.jwt.claims import MAX_TOKEN_LENGTH
from tokens.jwt.parsing import extract_token
from tokens.management.inspection import inspect


class Command(BaseCommand):
    """The exit status is 0 if the token would be accepted and 1 if not."""

    help = "Read a token from standard input and say what it is; nothing is changed by looking."

    def add_arguments(self, parser: CommandParser) -> None:
        # Taken here so that argparse does not repeat it in its complaint.
        parser.add_argument("arguments", nargs="*", help=argparse.SUPPRESS)

    def handle(self, *args: Any, **options: Any) -> None:
        if options["arguments"]:
            raise CommandError(
                "The token is read from standard input: an argument is seen by everybody who lists"
                " the processes, and kept in the history of your shell."
            )
        raw = sys.stdin.buffer.read(MAX_TOKEN_LENGTH + 100).decode("ascii", "replace")
        found = inspect(extract_token(raw))
        self.stdout.write(f"kind: {found.kind}")
        for title in ("header", "claims", "session"):
            for name, value in getattr(found, title).items():
                self.stdout.write(f"{title} {name}: {value}")
        self.stdout.write(f"accepted now: {'no' if found.refusal else 'yes'}")
        if found.refusal:
            self.stdout.write(found.refusal)
            sys.exit(1)
