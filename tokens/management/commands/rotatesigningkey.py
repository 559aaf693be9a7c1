"""Rotate the signing key of access tokens."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from tokens.keys.lifecycle import reencrypt, replace_all, rotate


class Command(BaseCommand):
    """Safe while the site runs: the next key is published before it signs. Sessions continue."""

    help = "Publish the next signing key. It starts to sign when every service knows it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--emergency",
            action="store_true",
            help="a private key has leaked: replace all keys immediately. This invalidates every "
            "access token, and clients refresh as if it had expired",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        reencrypt()
        key = replace_all() if options["emergency"] else rotate()
        if key.signs_from > timezone.now():
            begins = f"signs from {key.signs_from:%Y-%m-%d %H:%M:%S} UTC"
        else:
            begins = "signs now"
        self.stdout.write(f"{key.algorithm} key {key} is published and {begins}.")
