"""A newer version migrates the database while an older server runs: no request fails."""

import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event, Lock
from typing import Any

import httpx
import pytest
from django.conf import settings
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from accounts.models import User
from tests.support.site import PASSWORD, ROOT, latchkey
from tests.tokens.sessions.test_processes import database_url

#: The files that a server needs.
DIRECTORIES = ("accounts", "project", "static", "templates", "tokens")
FILES = ("manage.py", ".env.example")
#: What the newer version changes in the tables that a refresh reads. Undoing it drops a column.
OPERATIONS = {
    "tokens": """
        migrations.AlterField("devicesession", "roles_version", models.IntegerField(default=1)),
        migrations.AlterField("devicesession", "generation", models.IntegerField(default=1)),
        migrations.AlterField("devicesession", "device", models.CharField(max_length=200)),
        migrations.AddField("devicesession", "note", models.CharField(max_length=9, null=True)),
    """,
    "accounts": """
        migrations.AlterField("user", "username", models.CharField(max_length=200, unique=True)),
        migrations.AlterField("user", "password", models.CharField(max_length=200)),
        migrations.AddField("user", "note", models.CharField(max_length=9, null=True)),
    """,
}
MIGRATION = """
from django.db import migrations, models

class Migration(migrations.Migration):
    dependencies = [({app!r}, {last!r})]
    operations = [{operations}]
"""
UNDO = """
import django
django.setup()
from django.core.management import call_command
for app, last in {last!r}.items():
    call_command("migrate", app, last, verbosity=0)
"""
DEVICES = 3  # number of clients that refresh
PAUSE = 0.05  # seconds between two calls of a client
STEP = 1  # seconds of load before and after each change


class Newer:
    """A copy of this checkout with one more migration in each app."""

    def __init__(self, copy: Path) -> None:
        self.checkout = copy
        self.last = dict(MigrationLoader(None).graph.leaf_nodes())
        for name in DIRECTORIES:
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in FILES:
            shutil.copy(ROOT / name, copy)
        for app, operations in OPERATIONS.items():
            text = MIGRATION.format(app=app, last=self.last[app], operations=operations)
            (copy / app / "migrations" / "newer.py").write_text(text)

    def is_applied(self) -> bool:
        return ("tokens", "newer") in MigrationRecorder(connection).applied_migrations()

    def undo(self, environment: dict[str, str]) -> None:
        """Migrate the database back to this checkout's version."""
        code = UNDO.format(last={app: self.last[app] for app in OPERATIONS})
        command = [sys.executable, "-c", code]
        subprocess.run(command, cwd=self.checkout, env=environment, check=True)


class Load:
    """Clients that call servers in turn, and how often each path was answered with each status."""

    def __init__(self, *servers: str) -> None:
        self.servers = list(servers)
        self.answers: Counter[tuple[str, int]] = Counter()
        self.ended = Event()
        #: One client signs in at a time: the hashes of many would wait too long on a slow machine.
        self.hashing = Lock()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run the clients until the block ends, and raise the exception of a failed one."""
        with httpx.Client(timeout=30) as client, ThreadPoolExecutor() as pool:
            callers = [self.refresh] * DEVICES + [self.sign_in_and_out]
            running = [pool.submit(caller, client) for caller in callers]
            try:
                yield
            finally:
                self.ended.set()
        for caller in running:
            caller.result()

    def refresh(self, client: httpx.Client) -> None:
        """Refresh again and again. Each answer has the next generation."""
        pair: dict[str, Any] = {"generation": 1}
        for server in self.turns():
            if "refresh" not in pair:
                pair = self.sign_in(client, server)
            generation = pair["generation"]
            pair = self.post(client, server, "refresh", refresh=pair["refresh"])
            assert pair["generation"] == generation + 1

    def sign_in_and_out(self, client: httpx.Client) -> None:
        for server in self.turns():
            pair = self.sign_in(client, server)
            bearer = {"Authorization": f"Bearer {pair['access']}"}
            answer = client.get(f"{server}/api/auth/sessions/", headers=bearer)
            self.answers["sessions", answer.status_code] += 1
            self.post(client, server, "logout", refresh=pair["refresh"])

    def sign_in(self, client: httpx.Client, server: str) -> dict[str, Any]:
        with self.hashing:
            return self.post(client, server, "login", username="alice", password=PASSWORD)

    def post(self, client: httpx.Client, server: str, call: str, **body: str) -> dict[str, Any]:
        answer = client.post(f"{server}/api/auth/{call}/", json=body)
        self.answers[call, answer.status_code] += 1
        assert answer.is_success, answer.text
        return answer.json() if answer.content else {}

    def turns(self) -> Iterator[str]:
        """Yield the servers in turn until the load ends."""
        number = 0
        while not self.ended.wait(PAUSE):
            number += 1
            yield self.servers[number % len(self.servers)]


@pytest.fixture
def newer(tmp_path: Path) -> Iterator[Newer]:
    version = Newer(tmp_path / "newer")
    yield version
    if version.is_applied():
        version.undo({**os.environ, "DATABASE_URL": database_url()})


@pytest.mark.trap(96)
@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="only PostgreSQL keeps plans")
def test_a_migration_under_load_fails_no_request(alice: User, newer: Newer, tmp_path: Path) -> None:
    """Guards the second execution in prepared.fetch_one, through servers that run.

    The newer server migrates the database when it starts. Then the migration is undone.
    """
    shared = {"SECRET_KEY": settings.SECRET_KEY, "DATABASE_URL": database_url()}
    directories = [tmp_path / "old", tmp_path / "new"]
    for directory in directories:
        directory.mkdir()
    with ExitStack() as servers:
        old = servers.enter_context(latchkey(directories[0], **shared))
        load = Load(old.url)
        with load.running():
            time.sleep(STEP)
            upgraded = latchkey(directories[1], newer.checkout, PUBLIC_URL=old.url, **shared)
            load.servers.append(servers.enter_context(upgraded).url)
            assert newer.is_applied()
            time.sleep(STEP)
            newer.undo(old.environment)
            time.sleep(STEP)
        assert httpx.get(f"{old.url}/readyz").status_code == 200
    print(dict(load.answers))  # noqa: T201  (shown by pytest -rP)
    assert {status for _, status in load.answers} == {200, 204}
