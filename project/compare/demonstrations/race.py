"""Race twelve refreshes of one token: on this site, and in a table where callers look and write."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from django.db import connection

from accounts.models import User
from project.compare.calls import call_here, refresh_request
from project.compare.demo import demo_user
from project.compare.demonstrations.sandbox import sandbox
from project.compare.demonstrations.together import CALLERS, Timed, run_together
from tokens.models import DeviceSession
from tokens.sessions.lifecycle import Device, open_session

T = TypeVar("T")

#: The callers have the addresses …::1 to …::12 of one network (RFC 3849), as one client has. The
#: session stores the address that has rotated its token, and so tells which caller has written.
ADDRESS = "2001:db8::{}"


@dataclass(frozen=True)
class Caller:
    """What one caller saw. Times are in milliseconds since the first caller started."""

    number: int
    started: float
    ended: float
    status: int
    generation: int | None  # of the token in the answer
    wrote: bool
    looked: float | None = None


@dataclass(frozen=True)
class Race:
    """The callers, how many different successors they got, and how many rows they have written."""

    callers: list[Caller]
    successors: int
    rows_written: int
    rows_added: int


@dataclass(frozen=True)
class Races:
    """All races of one request."""

    engine: str
    without_key: Race
    own_keys: Race
    shared_key: Race
    look_then_write: Race


def run() -> Races:
    """Run all races with a temporary user, which is removed."""
    shared = secrets.token_hex(16)
    with demo_user() as user:
        return Races(
            engine=connection.display_name,
            without_key=race(user, lambda: ""),
            own_keys=race(user, lambda: secrets.token_hex(16)),
            shared_key=race(user, lambda: shared),
            look_then_write=race_in_sandbox(),
        )


def race(user: User, retry_key: Callable[[], str]) -> Race:
    """Race CALLERS refreshes of a new session's token, each with the key that is returned."""
    pair = open_session(user, Device(label="race", ip_address=ADDRESS.format(CALLERS + 1)))
    assert pair is not None  # noqa: S101  (nothing else changes the temporary user)
    sessions = DeviceSession.objects.filter(user=user)
    before = sessions.count()
    answers = run_together(
        lambda: connection,
        lambda number, _: call_here(
            refresh_request(str(pair.refresh), retry_key=retry_key()),
            ip_address=ADDRESS.format(number),
        ),
    )
    session = sessions.get(pk=pair.session.pk)
    pairs = {one.number: one.result.json() for one in answers if one.result.status == 200}
    elapsed = stopwatch(answers)
    return Race(
        callers=[
            Caller(
                number=one.number,
                started=elapsed(one.started_at),
                ended=elapsed(one.ended_at),
                status=one.result.status,
                generation=pairs.get(one.number, {}).get("generation"),
                wrote=session.rotated_from == ADDRESS.format(one.number),
            )
            for one in answers
        ],
        successors=len({pair["refresh"] for pair in pairs.values()}),
        rows_written=session.generation - pair.session.generation,
        rows_added=sessions.count() - before,
    )


def race_in_sandbox() -> Race:
    """Race CALLERS callers that look, then write, as stock SimpleJWT rotates."""
    jti = secrets.token_hex(16)
    with sandbox() as place:
        rotations = run_together(place.connect, lambda _, database: place.rotate(jti, database))
        rows = place.count()
    elapsed = stopwatch(rotations)
    successors = {one.result.successor for one in rotations} - {None}
    return Race(
        callers=[
            Caller(
                number=one.number,
                started=elapsed(one.started_at),
                ended=elapsed(one.ended_at),
                status=200 if one.result.successor else 401,
                generation=None,
                wrote=one.result.successor is not None,
                looked=elapsed(one.result.looked_at),
            )
            for one in rotations
        ],
        successors=len(successors),
        rows_written=rows,
        rows_added=rows,
    )


def stopwatch(callers: list[Timed[T]]) -> Callable[[float], float]:
    """Return a function of a time that returns the milliseconds since the first caller started."""
    first = min(one.started_at for one in callers)
    return lambda moment: round((moment - first) * 1000, 3)
