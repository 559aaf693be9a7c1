"""An error of the database is an outage, unless the statement is wrong or too complex."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.db import Error, connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.sqlite3.base import DatabaseWrapper

from accounts.models import User
from project.connections import is_outage, refuses_writes
from tests.conftest import API

pytestmark = pytest.mark.django_db

COLUMNS = f"SELECT {'1,' * 5000}1"  # more than SQLite and PostgreSQL allow
NESTED = f"SELECT {'(' * 5000}1{')' * 5000}"


def damage(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[:100] + b"\xff" * (len(content) - 100))


def fill(file: Path) -> None:
    file.write_bytes(b"no database" * 1000)


def move_into_the_way(file: Path) -> None:
    file.unlink()
    file.mkdir()


#: What happens to the file, and the statements. One of them fails.
OUTAGES: dict[str, tuple[Callable[[Path], object] | None, list[str]]] = {
    "FULL": (None, ["PRAGMA max_page_count = 1", "CREATE TABLE more (id)"]),
    "READONLY": (None, ["PRAGMA query_only = on", "INSERT INTO one VALUES (1)"]),
    "CORRUPT": (damage, ["SELECT * FROM one"]),
    "NOTADB": (fill, ["SELECT * FROM one"]),
    "CANTOPEN": (move_into_the_way, ["SELECT 1"]),
}
FAULTS = {
    "too many columns": COLUMNS,
    "too many levels": NESTED,
    "no such table": "SELECT * FROM two",
    "a wrong statement": "SELEKT 1",
}


def fail(database: BaseDatabaseWrapper, *statements: str) -> Error:
    """Execute the statements, and return the error of the one that fails."""
    try:
        for statement in statements:
            with database.cursor() as cursor:
                cursor.execute(statement)
    except Error as error:
        return error
    finally:
        database.close()
    pytest.fail("No statement has failed.")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return the file of a database with the table `one`."""
    file = tmp_path / "database"
    with closing(sqlite3.connect(file)) as database:
        database.execute("CREATE TABLE one (id)")
    return file


@pytest.fixture
def database(file: Path) -> DatabaseWrapper:
    return DatabaseWrapper({**connection.settings_dict, "NAME": str(file), "OPTIONS": {}})


@pytest.mark.parametrize("name", OUTAGES)
def test_an_error_of_the_file_of_sqlite_is_an_outage(
    file: Path, database: DatabaseWrapper, name: str
) -> None:
    happen, statements = OUTAGES[name]
    if happen:
        happen(file)
    error = fail(database, *statements)
    assert isinstance(error.__cause__, sqlite3.Error)
    assert error.__cause__.sqlite_errorname == f"SQLITE_{name}"
    assert is_outage(error)
    assert refuses_writes(error) is (name == "READONLY")


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="a file of SQLite")
@pytest.mark.django_db(transaction=True)
def test_a_refresh_can_be_repeated_after_the_disk_was_full(api: API, alice: User) -> None:
    def fill(execute: Any, *call: Any) -> Any:
        return execute("CREATE TABLE more AS SELECT zeroblob(10000000)", None, *call[2:])

    phone = api.login(alice)
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA max_page_count = 1")  # SQLite uses the present number.
    with connection.execute_wrapper(fill):
        answer = api.refresh(phone["refresh"])
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert "reached" not in answer.json()["detail"]
    connection.close()
    api.rotated(phone["refresh"])


def test_a_lock_of_sqlite_is_an_outage(file: Path, database: DatabaseWrapper) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        error = fail(database, "PRAGMA busy_timeout = 1", "BEGIN IMMEDIATE")
    assert is_outage(error)


@pytest.mark.parametrize("statement", FAULTS.values(), ids=FAULTS)
def test_a_wrong_statement_is_no_outage_of_sqlite(
    database: DatabaseWrapper, statement: str
) -> None:
    """SQLite raises OperationalError, as for a database that cannot be opened."""
    assert not is_outage(fail(database, statement))


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="codes of PostgreSQL")
@pytest.mark.parametrize(
    ("statement", "outage"),
    [
        *((statement, False) for statement in FAULTS.values() if statement != NESTED),
        ("SELECT pg_terminate_backend(pg_backend_pid())", True),
        ("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = 'XX001'; END $$", True),
        ("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '54001'; END $$", False),
        ("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '53100'; END $$", True),
    ],
)
def test_the_codes_of_postgresql_distinguish_the_same(statement: str, outage: bool) -> None:
    assert is_outage(fail(connection.copy(), statement)) is outage
