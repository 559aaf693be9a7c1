"""Measure the disk space of a million sign-ins, in a table of our own that exists for a moment."""

import secrets
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from copy import copy
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.cache import caches
from django.db import connection, models, transaction

from project.compare.logins import Login, Way, session_store
from project.compare.measured import Measured, Results
from tokens.models import DeviceSession

ROWS = 2_000
MILLION = 1_000_000
BLOCK = 512  # bytes, the unit of `st_blocks`


def measure_storage(logins: dict[Way, Login]) -> Results:
    """Measure the row of a sign-in, and the data of a browser in the store that the site uses."""
    browser, row = (
        size_of_table(DeviceSession, copies(logins[way].session))
        for way in (Way.SESSION, Way.HEADER)
    )
    data = size_of_data(logins[Way.SESSION].secret)
    yield Measured.tokens("disk_bytes", browser + data, row)


def copies(session: DeviceSession) -> Iterator[DeviceSession]:
    """Yield the rows of other sign-ins like this one."""
    for number in range(1, ROWS + 1):
        row = copy(session)
        row.pk, row.sid, row.user_id = number, uuid4(), uuid4()
        row.secret_hash, row.credential_tag = secrets.token_bytes(32), secrets.token_bytes(32)
        row.nonce = secrets.token_bytes(16)
        yield row


def size_of_data(key: str) -> int:
    """Return the bytes that the data of a million browsers takes, from that of this cookie."""
    store = session_store(key)
    if settings.SESSION_STORE == "file":
        return Path(store._key_to_file()).stat().st_blocks * BLOCK * MILLION
    if settings.SESSION_STORE == "redis":
        cache: Any = caches[settings.SESSION_CACHE_ALIAS]
        client = cache._cache.get_client()
        return int(client.memory_usage(cache.make_key(store.cache_key))) * MILLION
    data, expiry = store.encode(store.load()), store.get_expiry_date()
    rows = (
        Session(session_key=secrets.token_hex(20), session_data=data, expire_date=expiry)
        for _ in range(ROWS)
    )
    return size_of_table(Session, rows)


def size_of_table(model: type[models.Model], rows: Iterable[models.Model]) -> int:
    """Return the bytes of a million such rows with their indexes, on this site's engine."""
    fields = model._meta.local_concrete_fields
    values = [
        [field.get_db_prep_save(getattr(row, field.attname), connection) for field in fields]
        for row in rows
    ]
    measure = in_postgresql if connection.vendor == "postgresql" else in_sqlite
    columns = ", ".join(connection.ops.quote_name(field.column) for field in fields)
    return measure(model._meta.db_table, columns, values) * MILLION // len(values)


def in_postgresql(table: str, columns: str, values: Sequence[Sequence[Any]]) -> int:
    """Insert the rows into a temporary table like this one, which only this connection sees."""
    places = ", ".join(["%s"] * len(values[0]))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT array_to_string(reloptions, ', ') FROM pg_class WHERE oid = %s::regclass",
            [table],
        )
        (options,) = cursor.fetchone()
        storage = f"WITH ({options})" if options else ""
        cursor.execute(
            f"CREATE TEMPORARY TABLE demo_size (LIKE {table} INCLUDING ALL) {storage}"
            " ON COMMIT DROP"
        )
        empty = size_in_postgresql(cursor)
        cursor.executemany(f"INSERT INTO demo_size ({columns}) VALUES ({places})", values)
        return size_in_postgresql(cursor) - empty


def size_in_postgresql(cursor: Any) -> int:
    cursor.execute("SELECT pg_total_relation_size('demo_size')")
    return int(cursor.fetchone()[0])


def in_sqlite(table: str, columns: str, values: Sequence[Sequence[Any]]) -> int:
    """Insert the rows into a temporary database with the same table."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sql FROM sqlite_master WHERE tbl_name = %s AND sql IS NOT NULL ORDER BY rowid",
            [table],
        )
        schema = [sql for (sql,) in cursor.fetchall()]
    places = ", ".join("?" * len(values[0]))
    with tempfile.TemporaryDirectory(prefix="latchkey-compare-") as directory:
        file = Path(directory, "size.sqlite3")
        with closing(sqlite3.connect(file)) as database:
            for statement in schema:
                database.execute(statement)
            empty = file.stat().st_size
            with database:
                database.executemany(f"INSERT INTO {table} ({columns}) VALUES ({places})", values)
        return file.stat().st_size - empty
