"""The two statements of a rotation, written out: Django's ORM has no UPDATE … RETURNING."""

import json
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, cast
from uuid import UUID

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractUser, Group
from django.db import NotSupportedError, connections, router
from django.db.backends.postgresql import base as postgresql
from django.db.backends.utils import CursorWrapper
from django.db.models import Field, ManyToManyField

from tokens.models import DeviceSession

#: What the UPDATE of a rotation does not know already and a pair needs.
RETURNED_COLUMNS = ("id", "credential_tag", "rights_version", "expires_at", "auth_time")


@dataclass(frozen=True)
class SessionState:
    """A session's row and what its user is at that moment; a deleted user is not active."""

    session: DeviceSession
    password_hash: str
    username: str
    is_active: bool
    roles: list[str]
    rights_seen: int  # the version that the roles belong to


def read(sid: UUID) -> SessionState | None:
    """Return the session and its user as they are now, or None: one query."""
    sql = "SELECT {columns}, {user_columns} FROM {session} WHERE sid = %(sid)s"
    return _execute(sql, {"sid": sid}, _columns())


def advance(
    *,
    sid: UUID,
    user_id: str,
    generation: int,
    spent_hash: bytes,
    now: datetime,
    changes: dict[str, Any],
) -> SessionState | None:
    """Move the session to the next generation if this is its living token: one query.

    Everything rests on this conditional UPDATE: of any number of callers with the same token the
    database lets one change the row, and the others get None. The generation stands in the
    outermost WHERE, where PostgreSQL looks at it again after waiting for another caller's lock.
    What names the device is not read; the session fetches it if somebody asks.
    """
    assignments = ", ".join(f"{name} = %({name})s" for name in changes)
    sql = f"""
        UPDATE {{session}} SET generation = generation + 1, {assignments}
        WHERE sid = %(sid)s AND user_id = %(user)s
          AND generation = %(generation)s AND secret_hash = %(spent_hash)s
          AND revoked_at IS NULL AND expires_at > %(now)s AND idle_expires_at > %(now)s
          AND EXISTS (SELECT 1 FROM {{user}} WHERE {{owner}} AND is_active)
        RETURNING {{columns}}, {{user_columns}}
        """
    key = {"sid": sid, "user": user_id, "generation": generation, "spent_hash": spent_hash}
    found = _execute(sql, {**key, **changes, "now": now}, RETURNED_COLUMNS)
    if found is not None:
        owner = DeviceSession._meta.get_field("user").to_python(user_id)
        written = {"sid": sid, "user_id": owner, "generation": generation + 1, **changes}
        vars(found.session).update(written, revoked_at=None, revoked_reason="")
    return found


def forbid_transaction() -> None:
    """Raise RuntimeError inside a transaction, which a refusal would roll back (but for tests)."""
    blocks: list[Any] = connections[router.db_for_write(DeviceSession)].atomic_blocks
    if blocks and not blocks[-1]._from_testcase:
        raise RuntimeError("A refresh token is not to be rotated inside a transaction.")


def _execute(sql: str, values: dict[str, Any], columns: tuple[str, ...]) -> SessionState | None:
    """Run the statement and return its only row.

    After a migration that changed the type of a returned column, PostgreSQL refuses the plans that
    a connection has kept. The refused statement wrote nothing, so it is executed once more.
    """
    using = router.db_for_write(DeviceSession)
    connection = connections[using]
    for name in ("sid", "user"):
        if name in values:
            field = cast("Field[Any, Any]", DeviceSession._meta.get_field(name))
            values[name] = field.get_db_prep_value(values[name], connection)
    adapted = {name: connection.ops.adapt_unknown_value(value) for name, value in values.items()}
    statement = _render_sql(sql, columns, connection.vendor)
    try:
        rows = _fetch(connection, statement, adapted)
    except NotSupportedError:  # "cached plan must not change result type"
        with connection.cursor() as cursor:
            cursor.execute("DEALLOCATE ALL")  # psycopg drops its own list of plans as well
        rows = _fetch(connection, statement, adapted)
    if not rows:
        return None
    *row, password_hash, username, is_active, roles, rights_seen = rows[0]
    for position, convert, column in _converters(using, columns):
        row[position] = convert(row[position], column, connection)
    return SessionState(
        session=DeviceSession.from_db(using, columns, row),
        password_hash=password_hash or "",
        username=username or "",
        is_active=bool(is_active),
        roles=json.loads(roles),
        rights_seen=rights_seen,
    )


def _fetch(connection: Any, statement: str, values: dict[str, Any]) -> list[Any]:
    """Execute the statement and return every row: SQLite holds its lock until all are read."""
    with _cursor(connection) as cursor:
        cursor.execute(statement, values)
        rows: list[Any] = cursor.fetchall()
        return rows


def _cursor(connection: Any) -> CursorWrapper:
    """Return a cursor that lets PostgreSQL keep the plan of a statement it has seen before.

    Planning the UPDATE costs more than running it, and Django's own cursors never prepare. They
    are taken where queries are logged, because Django's log cannot show a prepared one.
    """
    if connection.vendor != "postgresql" or connection.queries_logged:
        return cast("CursorWrapper", connection.cursor())
    connection.ensure_connection()
    cursor = postgresql.ServerBindingCursor(connection.connection)  # type: ignore[attr-defined]
    return cast("CursorWrapper", connection.make_cursor(cursor))


@cache
def _columns() -> tuple[str, ...]:
    return tuple(field.column for field in DeviceSession._meta.concrete_fields)


@cache
def _converters(using: str, columns: tuple[str, ...]) -> list[tuple[int, Any, Any]]:
    """Return how this engine's values become Python's, where they are not so already."""
    connection = connections[using]
    fields: Any = [DeviceSession._meta.get_field(column.removesuffix("_id")) for column in columns]
    expressions = [field.get_col(DeviceSession._meta.db_table) for field in fields]
    return [
        (position, convert, expression)
        for position, expression in enumerate(expressions)
        for convert in (
            *connection.ops.get_db_converters(expression),
            *expression.get_db_converters(connection),
        )
    ]


@cache
def _render_sql(sql: str, columns: tuple[str, ...], vendor: str) -> str:
    """Fill in what a statement leaves open: names of tables, and how this engine lists roles."""
    user = cast("type[AbstractUser]", get_user_model())
    groups = cast("ManyToManyField[Any, Any]", user._meta.get_field("groups"))
    session, table = DeviceSession._meta.db_table, user._meta.db_table
    owner = f"{table}.{user._meta.pk.column} = {session}.user_id"
    names = (
        f"SELECT name FROM {Group._meta.db_table} AS role"
        f" JOIN {groups.m2m_db_table()} AS membership"
        f" ON membership.{groups.m2m_reverse_name()} = role.id"
        f" WHERE membership.{groups.m2m_column_name()} = {session}.user_id ORDER BY name"
    )
    listed = {
        "postgresql": "CAST(COALESCE(json_agg(name), '[]') AS text)",
        "sqlite": "json_group_array(name)",
    }[vendor]
    user_columns = (
        f"(SELECT password FROM {table} WHERE {owner})",
        f"(SELECT {user.USERNAME_FIELD} FROM {table} WHERE {owner})",
        f"(SELECT is_active FROM {table} WHERE {owner})",
        f"(SELECT {listed} FROM ({names}) AS roles)",
        f"(SELECT seen.rights_version FROM {session} AS seen WHERE seen.id = {session}.id)",
    )
    return sql.format(
        session=session,
        user=table,
        owner=owner,
        columns=", ".join(columns),
        user_columns=", ".join(user_columns),
    )
