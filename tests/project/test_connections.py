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
CLOSES = """
import sys
import django
from django.conf import settings

settings.CACHES["default"]["BACKEND"] = sys.argv[1]
django.setup()
from django.core.cache import close_caches
from django.core.signals import request_finished

print(close_caches in request_finished._live_receivers(None)[0])
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


CACHE = """
from django.core.cache.backends.locmem import LocMemCache

class Closing(LocMemCache):
    def close(self, **kwargs):
        pass
"""


@pytest.mark.parametrize(
    ("cache", "closed"),
    [("django.core.cache.backends.locmem.LocMemCache", False), ("caches.Closing", True)],
)
def test_caches_are_closed_if_they_have_something_to_close(
    run: Run, tmp_path: Path, cache: str, closed: bool
) -> None:
    (tmp_path / "caches.py").write_text(CACHE)
    shown = run(
        *("-c", CLOSES, cache),
        DJANGO_SETTINGS_MODULE="project.settings",
        PYTHONPATH=str(tmp_path),
    )
    assert shown.stdout.strip() == str(closed), shown.stderr
