"""Execute statements in SQL whose plans PostgreSQL keeps, and return rows as instances of models.

Planning a rotation costs a lot, and Django's ORM composes the text of a query for each execution,
which often takes longer than the database needs to execute it.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, TypeVar, cast

import psycopg
from django.db import NotSupportedError, connections
from django.db.backends.utils import CursorWrapper
from django.db.models import Model

T = TypeVar("T", bound=Model)


def fetch_one(connection: Any, sql: str, values: dict[str, Any]) -> list[Any] | None:
    """Execute the statement and return its only row, or None if it returns no row.

    After a migration that changed the type of a returned column, PostgreSQL refuses the plans that
    a connection has kept. The refused statement wrote nothing, so it is executed once more.
    """
    values = {name: connection.ops.adapt_unknown_value(value) for name, value in values.items()}
    try:
        rows = _fetch(connection, sql, values)
    except NotSupportedError:  # "cached plan must not change result type"
        with connection.cursor() as cursor:
            cursor.execute("DEALLOCATE ALL")  # psycopg drops its own list of plans as well
        rows = _fetch(connection, sql, values)
    return list(rows[0]) if rows else None


@cache
def columns_of(model: type[Model]) -> tuple[str, ...]:
    """Return the names of all columns, in the order of the model's fields."""
    return tuple(field.column for field in model._meta.concrete_fields)


def listed(model: type[Model], table: str) -> str:
    """Return all columns of the model for the list of a SELECT from this table or alias."""
    return ", ".join(f'{table}."{column}"' for column in columns_of(model))


def instances(connection: Any, models: Sequence[type[Model]], row: list[Any]) -> list[Any]:
    """Return an instance of each model from a row that has the columns of one after the other."""
    found, begin = [], 0
    for model in models:
        columns = columns_of(model)
        end = begin + len(columns)
        found.append(instance(connection, model, columns, row[begin:end]))
        begin = end
    return found


def instance(connection: Any, model: type[T], columns: tuple[str, ...], row: list[Any]) -> T:
    """Return the instance that has these values of these columns."""
    for position, convert, column in _converters(connection.alias, model, columns):
        row[position] = convert(row[position], column, connection)
    return model.from_db(connection.alias, columns, row)


@cache
def _converters(
    using: str, model: type[Model], columns: tuple[str, ...]
) -> list[tuple[int, Any, Any]]:
    """Return how this engine's values become Python's, for the columns that need it."""
    connection = connections[using]
    fields = {field.column: cast("Any", field) for field in model._meta.concrete_fields}
    expressions = [fields[column].get_col(model._meta.db_table) for column in columns]
    return [
        (position, convert, expression)
        for position, expression in enumerate(expressions)
        for convert in (
            *connection.ops.get_db_converters(expression),
            *expression.get_db_converters(connection),
        )
    ]


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
    connection.close_if_health_check_failed()
    connection.ensure_connection()
    return cast("CursorWrapper", connection.make_cursor(psycopg.Cursor(connection.connection)))
