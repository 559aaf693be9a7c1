"""Write events. Those of the same kind, person, network and second are one row with a count.

One statement both adds and counts, so any number of simultaneous callers write one row in a second.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from django.db import connections, router
from django.utils import timezone

from tokens.models import Event, EventKind
from tokens.sessions.networks import client_network

ONE_PER_SESSION = (EventKind.SIGN_IN, EventKind.SESSION_ENDED)
#: Rows in one statement. SQLite accepts 32,766 values in one.
SLICE = 1000
TABLE = Event._meta.db_table
FIELDS = {field.name: field for field in Event._meta.concrete_fields if not field.primary_key}
#: The kind of a sign-in: whether the user has signed in before, but never with this mark.
SIGN_IN_KIND = f"""
    CASE WHEN EXISTS (SELECT 1 FROM {TABLE} WHERE user_id = %s AND device_mark IS NOT NULL)
         AND NOT EXISTS (SELECT 1 FROM {TABLE} WHERE user_id = %s AND device_mark = %s)
    THEN '{EventKind.NEW_DEVICE.value}' ELSE '{EventKind.SIGN_IN.value}' END
    """


def write(events: Iterable[Event]) -> None:
    """Write the events, in the current transaction if there is one: one query per SLICE."""
    remaining = iter(events)
    while rows := list(islice(remaining, SLICE)):
        _execute([*_merged(rows)], "%s")


def write_sign_in(event: Event) -> bool:
    """Write the event of a sign-in, and return whether the device is new: one query.

    The kind of the event is decided by the statement. The transaction of a sign-in has written the
    row of the user before, so that of two sign-ins on a new device one is new.
    """
    user, mark = _value(event, "user"), _value(event, "device_mark")
    [written] = _execute([*_merged([event])], SIGN_IN_KIND, (user, user, mark))
    return tuple(written) == (EventKind.NEW_DEVICE.value, 1)


def _merged(rows: Iterable[Event]) -> Iterator[Event]:
    """Yield one row for each key, in the order of the keys, so that two callers cannot deadlock."""
    by_key: dict[bytes, Event] = {}
    for row in rows:
        row.created_at = row.created_at or timezone.now()
        key = row.flood_key = flood_key(row)
        if key in by_key:
            by_key[key].count += row.count
        else:
            by_key[key] = row
    for key in sorted(by_key):
        yield by_key[key]


def flood_key(event: Event) -> bytes:
    """Return the key that the events share which are counted in one row, 16 bytes."""
    # A session has one beginning and one end. Its id must stay searchable.
    sid = str(event.sid) if event.kind in ONE_PER_SESSION else ""
    parts = [
        sid,
        *(event.kind, event.reason, event.about, event.device, (event.device_mark or b"").hex()),
        *(str(event.user_id), str(event.actor_id), client_network(event.ip_address)),
        int(event.created_at.timestamp()),
    ]
    return hashlib.sha256(json.dumps(parts).encode()).digest()[:16]


def _execute(
    rows: Sequence[Event], kind: str, values_of_kind: tuple[Any, ...] = ()
) -> list[tuple[Any, ...]]:
    """Insert the rows or add to their counts; return the kind and the count of each row.

    `kind` is the SQL of the kind; without `values_of_kind` it is the value of each row.
    """
    columns = ", ".join(field.column for field in FIELDS.values())
    holders = ", ".join(kind if name == "kind" else "%s" for name in FIELDS)
    values: list[Any] = []
    for row in rows:
        for name in FIELDS:
            is_computed = name == "kind" and values_of_kind
            values += values_of_kind if is_computed else (_value(row, name),)
    sql = f"""
        INSERT INTO {TABLE} ({columns}) VALUES {", ".join([f"({holders})"] * len(rows))}
        ON CONFLICT (flood_key) DO UPDATE SET count = {TABLE}.count + excluded.count
        RETURNING kind, count
        """
    with _connection().cursor() as cursor:
        cursor.execute(sql, values)
        written: list[tuple[Any, ...]] = cursor.fetchall()
    return written


def _value(row: Event, name: str) -> Any:
    """Return the value of this field as the database takes it."""
    field = FIELDS[name]
    return field.get_db_prep_save(getattr(row, field.attname), _connection())


def _connection() -> Any:
    return connections[router.db_for_write(Event)]
