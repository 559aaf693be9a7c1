"""Let the next key sign access tokens."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from tokens.keys.lifecycle import reencrypt, replace_all, rotate


class Command(BaseCommand):
    """Safe while serving: the next key is published before it signs, and nobody is signed out."""

    help = "Publish the next signing key, which takes over once every service can know it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--emergency",
            action="store_true",
            help="somebody else has a key: put a new one in the place of all, at once. Every "
            "access token is dead then, and clients refresh as if it had expired",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        reencrypt()
        key = replace_all() if options["emergency"] else rotate()
        if key.signs_from > timezone.now():
            begins = f"signs from {key.signs_from:%Y-%m-%d %H:%M:%S} UTC on"
        else:
            begins = "signs now"
        self.stdout.write(f"{key.algorithm} key {key} is published and {begins}.")
