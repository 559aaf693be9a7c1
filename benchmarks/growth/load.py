"""Fill PostgreSQL with users, sessions and events, by COPY.

Each session is a real one: its refresh token can be computed from its number and is accepted.
"""

import hashlib
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import chain
from typing import Any, cast
from uuid import UUID

from django.db import connection
from django.utils import timezone

from accounts.models import User
from tokens.crypto.subkeys import credential_tag, newest_subkeys
from tokens.jwt.claims import RefreshToken, secret_hash
from tokens.models import DeviceSession, Event, EventKind, Kind

SESSIONS_PER_USER = 10
PASSWORD = "!" + "x" * 40  # no password: nothing signs in with it
DAY = 86_400  # seconds
BLOCK = 10_000  # rows between two steps of the progress bar
WIDTH = 40  # characters of the progress bar
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def user_id(number: int) -> UUID:
    """Return the id of a user. Ids are spread like random ones."""
    return UUID(bytes=hashlib.sha256(f"user {number}".encode()).digest()[:16], version=4)


def sid(number: int) -> UUID:
    """Return the `sid` of a session. They are spread like random ones."""
    return UUID(bytes=hashlib.sha256(f"session {number}".encode()).digest()[:16], version=4)


def jti(number: int) -> str:
    """Return the `jti` of the first refresh token of a session."""
    return hashlib.sha256(f"token {number}".encode()).hexdigest()[:43]


def first_token(number: int) -> str:
    """Return the first refresh token of this session, 1 or more: one query."""
    session = DeviceSession.objects.get(sid=sid(number))
    return str(RefreshToken.mint(session, jti(number), newest_subkeys()))


def load(sessions: int) -> None:
    """Add so many sessions, numbered from 1, with their users and an event for each.

    Each user has SESSIONS_PER_USER sessions, whose numbers follow one another.
    """
    now = timezone.now()
    owners, places = range(1, owner(sessions) + 1), range(1, sessions + 1)
    copy(User, (user_row(number, now) for number in owners), len(owners))
    copy(DeviceSession, session_rows(places, now), len(places))
    copy(Event, (event_row(place, now) for place in places), len(places))
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def owner(place: int) -> int:
    """Return the number of the user of a session."""
    return (place - 1) // SESSIONS_PER_USER + 1


def address(place: int) -> str:
    return f"10.{place >> 16 & 255}.{place >> 8 & 255}.{place & 255}"


def user_row(number: int, now: datetime) -> dict[str, Any]:
    return {
        "id": user_id(number),
        "username": f"person{number}",
        "password": PASSWORD,
        "email": f"person{number}@example.org",
        "verified_email": "",
        "first_name": "",
        "last_name": "",
        "is_active": True,
        "is_staff": False,
        "is_superuser": False,
        "date_joined": now,
    }


def session_rows(places: range, now: datetime) -> Iterator[dict[str, Any]]:
    subkeys, nonce = newest_subkeys(), b"n" * 16
    for place in places:
        number, opened = owner(place), now - timedelta(seconds=place % DAY)
        yield {
            "sid": sid(place),
            "user_id": user_id(number),
            "kind": Kind.TOKEN.value,
            "generation": 1,
            "secret_hash": secret_hash(jti(place)),
            "nonce": nonce,
            "credential_tag": credential_tag(subkeys, PASSWORD, f"person{number}"),
            "roles_version": 1,
            "created_at": opened,
            "rotated_at": opened,
            "idle_expires_at": opened + timedelta(days=14),
            "expires_at": opened + timedelta(days=90),
            "revoked_reason": "",
            "device": "phone",
            "ip_address": address(place),
            "user_agent": AGENT,
            "auth_time": opened,
        }


def event_row(place: int, now: datetime) -> dict[str, Any]:
    return {
        "kind": EventKind.SIGN_IN.value,
        "created_at": now - timedelta(seconds=place % DAY),
        "count": 1,
        "user_id": user_id(owner(place)),
        "sid": sid(place),
        "device": "phone",
        "ip_address": address(place),
        "reason": "",
        "about": "",
    }


def copy(model: Any, rows: Iterator[dict[str, Any]], number: int) -> None:
    """Write the rows by COPY, with a progress bar on standard error."""
    name, began = str(model._meta.verbose_name_plural), time.monotonic()
    first = next(rows)
    statement = f"COPY {model._meta.db_table} ({', '.join(first)}) FROM STDIN"
    with connection.cursor() as cursor, cast("Any", cursor).copy(statement) as target:
        for place, row in enumerate(chain([first], rows), 1):
            target.write_row(tuple(row.values()))
            if place % BLOCK == 0 or place == number:
                show(name, place, number, time.monotonic() - began)


def show(name: str, done: int, number: int, seconds: float) -> None:
    """Write the progress bar, over the one before on a terminal."""
    filled = WIDTH * done // number
    bar = f"{'#' * filled}{'.' * (WIDTH - filled)}"
    line = f"{name:18} {bar} {done:,} of {number:,}, {done / seconds:,.0f} a second"
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{line}{chr(10) if done == number else ''}")
        sys.stderr.flush()
    elif done == number:
        sys.stderr.write(f"{line}\n")


def timed(call: Callable[[], object], times: int) -> list[float]:
    """Call so many times, and return how long each call took, in milliseconds."""
    return [measure(call) for _ in range(times)]


def measure(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1000
