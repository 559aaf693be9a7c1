"""The statements of a rotation and of a signed-in request, in SQL.

Django's ORM has no UPDATE … RETURNING, and it composes the text of a query for each request, which
takes longer than the database needs to execute it.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, cast
from uuid import UUID

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractUser
from django.db import connections, router
from django.db.models import ManyToManyField

from tokens.jwt.claims import RefreshToken
from tokens.models import DeviceSession
from tokens.sessions.prepared import columns_of, fetch_one, instance, instances, listed
from tokens.sessions.standing import UserState

#: The names of the groups of the session's user, as a JSON array or null.
ROLES = """
(SELECT CAST({json_agg}(role.name) AS text) FROM (
    SELECT name FROM auth_group
    JOIN {membership} AS m ON m.{group_id} = auth_group.id
    WHERE m.{user_id} = tokens_devicesession.user_id
    ORDER BY name
) AS role)
"""

#: Everything rests on this conditional UPDATE: if several callers present the same token, the
#: database lets one of them change the row. `generation` is in the outermost WHERE, because
#: PostgreSQL evaluates only that again after it has waited for another caller's lock.
#: The subqueries of RETURNING still read the rows as they were before the wait, also the last one.
ADVANCE = """
UPDATE tokens_devicesession
SET generation = generation + 1,
    secret_hash = %(secret_hash)s,
    nonce = %(nonce)s,
    retry_hash = %(retry_hash)s,
    rotated_at = %(rotated_at)s,
    idle_expires_at = %(idle_expires_at)s,
    rotated_from = %(rotated_from)s
WHERE sid = %(sid)s
  AND user_id = %(user_id)s
  AND generation = %(generation)s
  AND secret_hash = %(spent_hash)s
  AND revoked_at IS NULL
  AND expires_at > %(rotated_at)s
  AND idle_expires_at > %(rotated_at)s
  AND EXISTS (
      SELECT 1 FROM {user} AS u WHERE u.{id} = tokens_devicesession.user_id AND u.is_active
  )
RETURNING
    {returned},
    (SELECT u.password FROM {user} AS u WHERE u.{id} = tokens_devicesession.user_id),
    (SELECT u.{username} FROM {user} AS u WHERE u.{id} = tokens_devicesession.user_id),
    (SELECT u.is_active FROM {user} AS u WHERE u.{id} = tokens_devicesession.user_id),
    {roles},
    (SELECT before.roles_version FROM tokens_devicesession AS before
        WHERE before.id = tokens_devicesession.id)
"""

#: Every column that a pair is minted from: a missing column would cost another query.
RETURNED_COLUMNS = (
    *("id", "kind", "credential_tag", "roles_version", "expires_at", "auth_time"),
    *("scope", "audience"),
)

READ = """
SELECT
    {columns},
    u.password,
    u.{username},
    u.is_active,
    {roles},
    tokens_devicesession.roles_version
FROM tokens_devicesession
LEFT JOIN {user} AS u ON u.{id} = tokens_devicesession.user_id
WHERE tokens_devicesession.sid = %(sid)s
"""

READ_WITH_USER = """
SELECT {columns}, {user_columns}
FROM tokens_devicesession
LEFT JOIN {user} AS u ON u.{id} = tokens_devicesession.user_id
WHERE tokens_devicesession.sid = %(sid)s
  AND NOT EXISTS (SELECT 1 FROM tokens_blacklistedtoken WHERE jti = %(jti)s)
"""


@dataclass(frozen=True)
class SessionState:
    """A session's row, its user and the user's roles, as one statement returned them.

    `roles_version` is the version that the roles belong to.
    """

    session: DeviceSession
    user: UserState
    roles: list[str]
    roles_version: int


def read(sid: UUID) -> SessionState | None:
    """Return the session as it is now, or None if the table does not have it: one query."""
    return _execute(READ, columns_of(DeviceSession), {"sid": sid})


def read_with_user(sid: UUID, jti: str) -> DeviceSession | None:
    """Return the session as it is now, its user loaded: one query.

    Returns None if the table does not have it, or if the access token of this `jti` is blacklisted.
    """
    connection, row = _fetch(READ_WITH_USER, {"sid": sid, "jti": jti})
    if row is None:
        return None
    session, user = instances(connection, (DeviceSession, get_user_model()), row)
    session.user = user if session.user_id is not None else None
    return cast("DeviceSession", session)


def advance(
    token: RefreshToken,
    *,
    spent_hash: bytes,
    secret_hash: bytes,
    nonce: bytes,
    retry_hash: bytes | None,
    rotated_at: datetime,
    idle_expires_at: datetime,
    rotated_from: str | None,
) -> SessionState | None:
    """Write these columns of the token's session, advance its generation and return it: one query.

    Returns None, and changes nothing, if the token is not the current token of a valid session.
    Columns that the statement neither compares, writes nor returns are loaded when they are used.
    """
    compared = {"sid": token.sid, "user_id": token.user_id}
    written = {
        "secret_hash": secret_hash,
        "nonce": nonce,
        "retry_hash": retry_hash,
        "rotated_at": rotated_at,
        "idle_expires_at": idle_expires_at,
        "rotated_from": rotated_from,
    }
    spent = {"generation": token.generation, "spent_hash": spent_hash}
    state = _execute(ADVANCE, RETURNED_COLUMNS, {**compared, **written, **spent})
    if state is not None:
        known = {**compared, **written, "revoked_at": None, "revoked_reason": ""}
        vars(state.session).update(known, generation=token.generation + 1)
    return state


def forbid_transaction() -> None:
    """Raise RuntimeError inside a transaction: a refusal would roll the revocation back.

    The transaction in which Django runs a test is allowed.
    """
    blocks: list[Any] = connections[router.db_for_write(DeviceSession)].atomic_blocks
    if blocks and not blocks[-1]._from_testcase:
        raise RuntimeError("A refresh token must not be rotated inside a transaction.")


def _execute(sql: str, columns: tuple[str, ...], values: dict[str, Any]) -> SessionState | None:
    """Execute the statement, which returns these columns first, and return its only row."""
    connection, row = _fetch(sql, values)
    if row is None:
        return None
    *session, password_hash, username, is_active, roles, roles_version = row
    return SessionState(
        session=instance(connection, DeviceSession, columns, session),
        user=UserState(password_hash or "", username or "", bool(is_active)),
        roles=json.loads(roles or "[]"),
        roles_version=roles_version,
    )


def _fetch(sql: str, values: dict[str, Any]) -> tuple[Any, list[Any] | None]:
    """Execute the statement, and return the connection and the only row, if there is one."""
    connection = connections[router.db_for_write(DeviceSession)]
    for name in ("sid", "user_id"):
        if name in values:
            field = cast("Any", DeviceSession._meta.get_field(name))
            values[name] = field.get_db_prep_value(values[name], connection)
    return connection, fetch_one(connection, _render(sql, connection.vendor), values)


@cache
def _render(sql: str, vendor: str) -> str:
    """Insert the names that depend on the user model and on the engine."""
    user = cast("type[AbstractUser]", get_user_model())
    groups = cast("ManyToManyField[Any, Any]", user._meta.get_field("groups"))
    names = {
        "returned": ", ".join(RETURNED_COLUMNS),
        "columns": listed(DeviceSession, "tokens_devicesession"),
        "user_columns": listed(user, "u"),
        "user": user._meta.db_table,
        "id": user._meta.pk.column,
        "username": cast("Any", user._meta.get_field(user.USERNAME_FIELD)).column,
        "membership": groups.m2m_db_table(),
        "user_id": groups.m2m_column_name(),
        "group_id": groups.m2m_reverse_name(),
        "json_agg": {"postgresql": "json_agg", "sqlite": "json_group_array"}[vendor],
    }
    return sql.strip().format(**names, roles=ROLES.strip().format(**names))
