"""Execute statements whose plans PostgreSQL keeps, because planning a rotation costs a lot."""

from typing import Any, cast

import psycopg
from django.db import NotSupportedError
from django.db.backends.utils import CursorWrapper


def fetch_one(connection: Any, sql: str, values: dict[str, Any]) -> list[Any] | None:
    """Execute the statement and return its only row, or None if it returns no row.

    After a migration that changed the type of a returned column, PostgreSQL refuses the plans that
    a connection has kept. The refused statement wrote nothing, so it is executed once more.
    """
    try:
        rows = _fetch(connection, sql, values)
    except NotSupportedError:  # "cached plan must not change result type"
        with connection.cursor() as cursor:
            cursor.execute("DEALLOCATE ALL")  # psycopg drops its own list of plans as well
        rows = _fetch(connection, sql, values)
    return list(rows[0]) if rows else None


def _fetch(connection: Any, sql: str, values: dict[str, Any]) -> list[Any]:
    """Execute the statement and return every row: SQLite holds its lock until all are read."""
    with _cursor(connection) as cursor:
        cursor.execute(sql, values)
        rows: list[Any] = cursor.fetchall()
        return rows


def _cursor(connection: Any) -> CursorWrapper:
    """Return a cursor with which PostgreSQL keeps the plan of a statement.

    Django's own cursors never prepare a statement. They are used where queries are logged, because
    Django's log cannot show a prepared one, and inside a transaction, which a refused plan would
    abort.
    """
    unprepared = connection.queries_logged or connection.in_atomic_block
    if connection.vendor != "postgresql" or unprepared:
        return cast("CursorWrapper", connection.cursor())
    connection.ensure_connection()
    return cast("CursorWrapper", connection.make_cursor(psycopg.Cursor(connection.connection)))
