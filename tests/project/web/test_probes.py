"""/healthz reports that the process runs, /readyz that it can serve requests."""

import getpass
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from django.conf import settings
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from tests.project.conftest import Outage
from tests.support.servers import free_port


@pytest.mark.django_db
def test_the_process_is_alive_without_a_query(
    client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(0):
        answer = client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "alive"})
    assert answer["Cache-Control"] == "no-store"


@pytest.mark.django_db
def test_the_site_is_ready(client: Client) -> None:
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ready"})
    assert answer["Cache-Control"] == "no-store"
    assert "Retry-After" not in answer


def test_the_process_is_alive_but_not_ready_without_the_database(
    client: Client, outage: Outage
) -> None:
    with outage():
        alive, ready = client.get("/healthz"), client.get("/readyz")
    assert alive.status_code == 200
    assert (ready.status_code, ready.json()) == (503, {"status": "the database cannot be reached"})
    assert ready["Retry-After"] == "5"
    assert client.get("/readyz").status_code == 200


@pytest.mark.django_db
def test_the_site_is_not_ready_while_a_migration_is_missing(client: Client) -> None:
    [last] = MigrationLoader(connection).graph.leaf_nodes("tokens")
    MigrationRecorder(connection).record_unapplied(*last)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"status": "1 migrations are not applied"}
    assert answer["Retry-After"] == "5"


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_probes_accept_get_and_head_only(client: Client, path: str) -> None:
    assert client.head(path).status_code == 200
    for method in (client.post, client.put, client.delete):
        assert method(path).status_code == 405


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_probes_reveal_nothing_about_the_database(
    client: Client, outage: Outage, path: str
) -> None:
    settings = connection.settings_dict
    with outage():
        shown = client.get(path).content.decode()
    assert not [
        str(settings[key])
        for key in ("NAME", "HOST")
        if settings[key] and str(settings[key]) in shown
    ]


# A database that cannot be written

READ_ONLY = {"status": "the database is read-only"}
POSTGRESQL = Path("/usr/lib/postgresql")  # the directory of Debian
on_postgresql = pytest.mark.skipif(
    "connection.vendor != 'postgresql'", reason="a property of PostgreSQL"
)
on_sqlite = pytest.mark.skipif("connection.vendor != 'sqlite'", reason="a property of SQLite")
NOBODY = 65534
Command: TypeAlias = Callable[..., object]


@pytest.mark.django_db
@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="a property of SQLite")
def test_the_site_is_not_ready_without_space_for_sqlite(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "database"
    file.touch()
    monkeypatch.setitem(connection.settings_dict, "NAME", str(file))
    assert client.get("/readyz").status_code == 200
    usage = shutil.disk_usage(tmp_path)._replace(free=500_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"status": "the disk of the database is full"}


@on_postgresql
@pytest.mark.django_db(transaction=True)
def test_the_site_is_not_ready_while_the_database_is_set_read_only(client: Client) -> None:
    name = connection.ops.quote_name(connection.settings_dict["NAME"])
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    connection.close()
    try:
        answer = client.get("/readyz")
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SET default_transaction_read_only = off")
            cursor.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
        connection.close()
    assert (answer.status_code, answer.json()) == (503, READ_ONLY)
    assert answer["Retry-After"] == "5"
    assert client.get("/readyz").status_code == 200


@on_postgresql
@pytest.mark.django_db(transaction=True)
def test_the_check_for_a_writable_database_costs_one_query(
    client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1 + 2):  # and two for the migrations
        assert client.get("/readyz").status_code == 200


@pytest.fixture
def standby() -> Iterator[tuple[int, Command]]:
    """Start a PostgreSQL that is a standby; give its port and how to run `pg_ctl` on it."""
    found = shutil.which("pg_ctl") or next(map(str, POSTGRESQL.glob("*/bin/pg_ctl")), None)
    if found is None:
        pytest.skip("the programs of a PostgreSQL server are not installed")
    account = "postgres" if os.geteuid() == 0 else getpass.getuser()
    directory = Path(tempfile.mkdtemp(prefix="latchkey-standby-"))
    shutil.chown(directory, account)
    data, port = directory / "data", free_port()

    def pg_ctl(*words: str) -> None:
        command = [found, *words, "--pgdata", str(data), "--log", str(directory / "log"), "--wait"]
        subprocess.run(
            command,
            user=account if os.geteuid() == 0 else None,
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=True,
        )

    try:
        pg_ctl("init", "--options", "--username=postgres --auth=trust --no-sync")
        (data / "standby.signal").touch()
        pg_ctl("start", "--options", f"-p {port} -h 127.0.0.1 -k {directory} -F")
        yield port, pg_ctl
    finally:
        if (data / "postmaster.pid").exists():
            pg_ctl("stop", "--mode", "immediate")
        shutil.rmtree(directory)


@contextmanager
def connected_to(**changes: Any) -> Iterator[None]:
    """Use another database in this process until the block ends."""
    there = connection.settings_dict
    connection.close()
    connection.settings_dict = {**there, **changes}
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict = there


@on_postgresql
@pytest.mark.trap(28)
@pytest.mark.django_db(transaction=True)
def test_the_site_is_not_ready_on_a_standby_until_it_is_promoted(
    client: Client, standby: tuple[int, Command]
) -> None:
    port, pg_ctl = standby
    with connected_to(HOST="127.0.0.1", PORT=port, NAME="postgres", USER="postgres"):
        before = client.get("/readyz")
        pg_ctl("promote")
        after = client.get("/readyz")
    assert (before.status_code, before.json()) == (503, READ_ONLY)
    assert after.json()["status"].endswith("migrations are not applied")


#: What a process runs that root starts: once all is imported it gives up root's rights, which no
#: modes of files limit, and prints the answer of /readyz.
ASK = f"""
import os
import django
django.setup()
from django.db import connection
from django.test import Client
for path in ("/readyz", "/a page that is not there, which is logged as a refusal is"):
    Client().get(path)
connection.close()
if os.geteuid() == 0:
    os.setgid({NOBODY})
    os.setuid({NOBODY})
answer = Client().get("/readyz")
print(answer.status_code, answer.json()["status"])
"""


@pytest.fixture
def ask(transactional_db: None) -> Iterator[Callable[..., str]]:
    """Return a function that gives a database modes and asks, without root's rights, /readyz."""
    directory = Path(tempfile.mkdtemp(prefix="latchkey-read-only-"))
    file = directory / "latchkey.sqlite3"
    with connection.cursor() as cursor:
        cursor.execute("VACUUM INTO %s", [str(file)])

    def run(*, file_mode: int, directory_mode: int) -> str:
        file.chmod(file_mode)
        directory.chmod(directory_mode)
        command = [sys.executable, "-c", ASK]
        environment = {
            **os.environ,
            "DATABASE_URL": f"sqlite:///{file}",
            "DJANGO_SETTINGS_MODULE": "project.settings",
            "STATIC_ROOT": str(directory / "static"),
        }
        done = subprocess.run(
            command,
            cwd=settings.BASE_DIR,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    (directory / "static").mkdir(mode=0o755)
    if os.geteuid() == 0:
        for path in (directory, file):
            os.chown(path, NOBODY, NOBODY)
    yield run
    directory.chmod(0o700)
    shutil.rmtree(directory)


@on_sqlite
def test_the_site_is_not_ready_where_sqlite_cannot_write(ask: Callable[..., str]) -> None:
    assert ask(file_mode=0o600, directory_mode=0o700) == "200 ready"
    read_only = f"503 {READ_ONLY['status']}"
    assert ask(file_mode=0o400, directory_mode=0o700) == read_only
    assert ask(file_mode=0o600, directory_mode=0o500) == read_only
