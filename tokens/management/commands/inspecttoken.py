"""Describe a token or a secret, and say whether the site would accept it now."""

import argparse
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from tokens.jwt.claims import MAX_TOKEN_LENGTH
from tokens.jwt.parsing import extract_token
from tokens.management.inspection import inspect
from tokens.service_accounts import secrets


class Command(BaseCommand):
    """The exit status is 0 if the token would be accepted and 1 if not."""

    help = (
        "Read a token, or a secret of a service account, from standard input and describe it. The"
        " command changes nothing, and its exit status is 0 if the site would accept it now."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        # Without this, argparse would repeat the token in its error message.
        parser.add_argument("arguments", nargs="*", help=argparse.SUPPRESS)

    def handle(self, *args: Any, **options: Any) -> None:
        if options["arguments"]:
            raise CommandError(
                "Pass the token to standard input. Other users of this machine can see arguments in"
                " the list of processes, and your shell stores them in its history."
            )
        raw = sys.stdin.buffer.read(MAX_TOKEN_LENGTH + 100).decode("ascii", "replace")
        found = inspect(secrets.extract(raw) or extract_token(raw))
        self.stdout.write(f"kind: {found.kind}")
        for title in ("header", "claims", "secret", "session"):
            for name, value in getattr(found, title).items():
                self.stdout.write(f"{title} {name}: {value}")
        self.stdout.write(f"accepted now: {'no' if found.refusal else 'yes'}")
        if found.refusal:
            self.stdout.write(found.refusal)
            sys.exit(1)
