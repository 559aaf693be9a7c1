"""Connections to the database are closed when a request ends, and not looked for when it begins."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]

ASK = """
import django
django.setup()
from django.core.signals import request_finished, request_started
from django.db import connection

print([one.__name__ for one in request_started._live_receivers(None)[0]])
connection.ensure_connection()
connection.close_at = 0  # It is too old.
request_finished.send(sender=None)
print(connection.connection)
"""


@pytest.mark.parametrize(("debug", "receivers"), [("False", []), ("True", ["reset_queries"])])
def test_a_request_closes_old_connections_at_its_end_only(
    run: Run, tmp_path: Path, debug: str, receivers: list[str]
) -> None:
    """With DEBUG, it also empties the list of executed queries, as Django does."""
    shown = run(
        "-c",
        ASK,
        DJANGO_SETTINGS_MODULE="project.settings",
        DATABASE_URL=f"sqlite:///{tmp_path / 'latchkey.sqlite3'}",
        DEBUG=debug,
    )
    assert shown.stdout.splitlines() == [str(receivers), "None"], shown.stderr
