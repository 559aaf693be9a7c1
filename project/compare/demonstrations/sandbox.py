"""A table for one race, in which callers look for a token and then write.

The statements are those of stock SimpleJWT 5.5 about tokens, with rotation and blacklisting on:
`check_blacklist`, `blacklist` and `outstand` of rest_framework_simplejwt.tokens.BlacklistMixin.
"""

import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

BLACKLISTED, OUTSTANDING = "blacklisted", "outstanding"
#: The name of a table has the time of its creation, in seconds since 1970.
NAME = re.compile(r"latchkey_sandbox_(\d+)_[0-9a-f]{16}")
FORGOTTEN = 3600  # seconds: the age of a table that a killed process left behind


@dataclass(frozen=True)
class Rotation:
    """What a caller got: a successor, or None because it found the token blacklisted."""

    successor: str | None
    looked_at: float  # in seconds of `time.perf_counter`: when it had looked


@dataclass(frozen=True)
class Sandbox:
    """The table. With SQLite it is in a separate database."""

    table: str
    file: Path

    def connect(self) -> BaseDatabaseWrapper:
        """Return a new connection with the options of the site. It connects at its first query."""
        database = connection.copy()
        if database.vendor == "sqlite":
            database.settings_dict["NAME"] = str(self.file)
        return database

    def rotate(self, jti: str, database: BaseDatabaseWrapper) -> Rotation:
        """Look whether the token is blacklisted. If not, blacklist it and add its successor."""
        with database.cursor() as cursor:
            is_blacklisted = self.contains(BLACKLISTED, jti, cursor)
            looked_at = time.perf_counter()
            if is_blacklisted:
                return Rotation(None, looked_at)
            self.get_or_create(BLACKLISTED, jti, cursor)
            successor = secrets.token_hex(16)
            self.get_or_create(OUTSTANDING, successor, cursor)
        return Rotation(successor, looked_at)

    def contains(self, kind: str, jti: str, cursor: CursorWrapper) -> bool:
        cursor.execute(f"SELECT 1 FROM {self.table} WHERE kind = %s AND jti = %s", [kind, jti])  # noqa: S608  (our name)
        return bool(cursor.fetchall())

    def get_or_create(self, kind: str, jti: str, cursor: CursorWrapper) -> None:
        """Add the row, or do nothing if another caller was faster, as Django's method does."""
        if not self.contains(kind, jti, cursor):
            cursor.execute(
                f"INSERT INTO {self.table} VALUES (%s, %s) ON CONFLICT DO NOTHING",  # noqa: S608  (our name)
                [kind, jti],
            )

    def count(self) -> int:
        """Return the number of rows."""
        with connected(self) as cursor:
            cursor.execute(f"SELECT count(*) FROM {self.table}")  # noqa: S608  (our name)
            return int(cursor.fetchone()[0])


@contextmanager
def connected(sandbox: Sandbox) -> Iterator[CursorWrapper]:
    database = sandbox.connect()
    try:
        with database.cursor() as cursor:
            yield cursor
    finally:
        database.close()


@contextmanager
def sandbox() -> Iterator[Sandbox]:
    """Create a table with a random name, and drop it at the end of the block."""
    table = f"latchkey_sandbox_{int(time.time())}_{secrets.token_hex(8)}"
    with TemporaryDirectory() as directory:
        place = Sandbox(table, Path(directory) / "sandbox.sqlite3")
        with connected(place) as cursor:
            drop_forgotten(cursor)
            cursor.execute(
                f"CREATE TABLE {table} (kind varchar(11), jti varchar(32), PRIMARY KEY (kind, jti))"
            )
        try:
            yield place
        finally:
            with connected(place) as cursor:
                cursor.execute(f"DROP TABLE {table}")


def drop_forgotten(cursor: CursorWrapper) -> None:
    """Drop the tables that killed processes left behind."""
    for table in connection.introspection.table_names(cursor):
        found = NAME.fullmatch(table)
        if found and int(found[1]) < time.time() - FORGOTTEN:
            cursor.execute(f"DROP TABLE IF EXISTS {table}")
