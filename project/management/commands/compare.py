"""Compare session cookies with access tokens, by calls of this site."""

import logging
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from project.compare.machine import describe_machine
from project.compare.measured import Measured
from project.compare.report import as_json, as_markdown, as_text, dumps
from project.compare.results import row_of
from project.compare.run import measure

DOCUMENT = Path(settings.BASE_DIR, "docs", "compare.md")


class Command(BaseCommand):
    """It works with temporary users, and removes them. It needs no running server."""

    help = "Measure session cookies and access tokens on this site, and print the results."

    def add_arguments(self, parser: CommandParser) -> None:
        form = parser.add_mutually_exclusive_group()
        form.add_argument("--json", action="store_true", help="print JSON")
        form.add_argument("--markdown", action="store_true", help=f"write {DOCUMENT.name} in docs/")

    def handle(self, *args: Any, **options: Any) -> None:
        logging.disable()  # Every measured call would write a line between the results.
        try:
            with closing(measure()) as results:
                self.report(results, json=options["json"], markdown=options["markdown"])
        finally:
            logging.disable(logging.NOTSET)

    def report(self, results: Iterable[Measured], *, json: bool, markdown: bool) -> None:
        """Print each row when it is measured, or all rows in another form."""
        measured = []
        for one in results:
            measured.append(one)
            if not json and not markdown:
                self.stdout.write("\n".join(as_text(row_of(one))))
        if json:
            self.stdout.write(dumps(as_json(measured, describe_machine())))
        elif markdown:
            DOCUMENT.write_text(as_markdown(measured, describe_machine()))
            self.stdout.write(f"{DOCUMENT} is written.")
