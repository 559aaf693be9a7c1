"""Connections to the database are closed when a request ends, and not looked for when it begins."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import OperationalError, connection

from project import connections

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
ASK_ASGI = """
import asyncio
from project.asgi import application
from django.db.backends.signals import connection_created

opened = []
connection_created.connect(lambda connection, **kwargs: opened.append(connection), weak=False)


async def ask():
    scope = {"type": "http", "method": "GET", "path": "/readyz"}
    scope["headers"] = [(b"host", b"localhost")]
    messages, sent = [{"type": "http.request"}], []

    async def receive():
        if not messages:
            await asyncio.sleep(60)
        return messages.pop()

    async def send(message):
        sent.append(message)

    await application(scope, receive, send)
    return sent[0]["status"]


print(asyncio.run(ask()), [one.connection for one in opened])
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


def test_under_asgi_a_request_closes_its_connection(run: Run, tmp_path: Path) -> None:
    """Guards CONN_MAX_AGE in project/asgi.py: a request of an ASGI server has its own context."""
    shown = run(
        "-c",
        ASK_ASGI,
        DATABASE_URL=f"sqlite:///{tmp_path / 'latchkey.sqlite3'}",
    )
    assert shown.stdout.splitlines()[-1] == "503 [None]", shown.stderr


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="a property of PostgreSQL")
@pytest.mark.django_db
def test_a_server_that_says_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next statement uses a new connection, and cannot receive the late answer of this one."""
    monkeypatch.setattr(connections, "ANSWER_TIME", 0.2)
    another = connection.copy()
    another.ensure_connection()
    connections.limit_waiting_of(another)
    try:
        began = time.monotonic()
        with another.cursor() as cursor, pytest.raises(OperationalError):
            cursor.execute("SELECT pg_sleep(5)")
        assert time.monotonic() - began < 3
        another.close_if_unusable_or_obsolete()
        with another.cursor() as cursor:
            cursor.execute("SELECT 1")
            assert cursor.fetchone() == (1,)
    finally:
        another.close()


@pytest.mark.django_db
def test_an_error_of_a_database_that_is_reached_names_it() -> None:
    sentence = connections.explain(OperationalError("database or disk\n is full"))
    name = connection.settings_dict["NAME"]
    assert sentence.startswith(f"The database of DATABASE_URL, {name}")
    assert sentence.endswith(" reports an error: database or disk is full")
