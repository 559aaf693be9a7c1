"""What the race tests share: callers that start together, callers that wait behind a lock."""

import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Barrier
from typing import TypeVar

from django.contrib.auth.models import AbstractUser
from django.db import connection, transaction
from rest_framework.exceptions import APIException

from tokens.jwt.claims import Pair, RefreshToken
from tokens.sessions.lifecycle import Device, open_session
from tokens.sessions.rotation import consume, rotate

T = TypeVar("T")


@dataclass(frozen=True)
class Outcome:
    """What somebody was answered who asked for a pair."""

    status: int
    refresh: str = ""
    access: str = ""
    generation: int = 0
    session: str = ""


def outcome(pair: Pair) -> Outcome:
    """Return the pair as the client sees it."""
    return Outcome(
        200, str(pair.refresh), str(pair.access), pair.session.generation, str(pair.session.sid)
    )


def refresh(raw: str, key: str | None = None) -> Outcome:
    """Spend the token and return the answer, which may be a refusal."""
    try:
        return outcome(rotate(raw, retry_key=key))
    except APIException as error:
        return Outcome(error.status_code)


def refresh_uncommitted(raw: str, key: str | None = None) -> Outcome:
    """Spend the living token in the transaction that is open, where `rotate` would not."""
    pair = consume(RefreshToken(raw), key, None)
    assert pair is not None
    return outcome(pair)


def sign_in(user: AbstractUser, device: str = "phone") -> Outcome:
    """Begin a session for a user whose password was verified, which must succeed."""
    pair = open_session(user, Device(label=device))
    assert pair is not None
    return outcome(pair)


def refresh_until_refused(first: Outcome) -> Outcome:
    """Spend token after token as an honest device does, and return the last that was given."""
    last = first
    for _ in range(2000):
        answer = refresh(last.refresh)
        if answer.status == 401:
            return last
        assert answer.status == 200
        last = answer
    raise AssertionError("The session was never ended.")


def race(*callers: Callable[[], T]) -> list[T]:
    """Let the callers start at once, each in a thread and on a connection of its own.

    Returns what they returned, in their order; raises what the first of them raised.
    """
    barrier = Barrier(len(callers))

    def run(caller: Callable[[], T]) -> T:
        try:
            connection.ensure_connection()
            barrier.wait(timeout=30)
            return caller()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(callers)) as pool:
        return [future.result() for future in [pool.submit(run, caller) for caller in callers]]


@contextmanager
def queue() -> Iterator[Callable[[Callable[[], T]], "Future[T]"]]:
    """Hold a transaction open, and line callers up behind the rows that it has written.

    Gives a function that starts a caller in a thread and returns once PostgreSQL shows one caller
    more waiting for a lock. The transaction is committed at the end of the block.
    """
    with ThreadPoolExecutor() as pool:

        def line_up(caller: Callable[[], T]) -> "Future[T]":
            length = _waiting()

            def run() -> T:
                try:
                    return caller()
                finally:
                    connection.close()

            future = pool.submit(run)
            deadline = time.monotonic() + 10
            while _waiting() == length:
                assert not future.done(), "The caller did not wait."
                assert time.monotonic() < deadline
                time.sleep(0.002)
            return future

        with transaction.atomic():
            yield line_up


def _waiting() -> int:
    """Return how many callers of this database wait for a lock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute(
            "SELECT count(DISTINCT pid) FROM pg_locks JOIN pg_stat_activity USING (pid)"
            " WHERE NOT granted AND datname = current_database()"
        )
        (count,) = cursor.fetchone()
        return int(count)


def retry_key(generation: int) -> str:
    """Return the Idempotency-Key with which this client spends that generation."""
    return f"a client's secret, {generation}"


def obey() -> None:
    """Refresh, in a process of its own, the tokens that are read; answer a line for each.

    A line asks `<once or forever> <generation> <token>`; an answer is `<generation> <token>`.
    """
    print("ready", flush=True)  # noqa: T201  (to the process that started this one)
    for line in sys.stdin:
        how, generation, token = line.split()
        answer = Outcome(200, token, generation=int(generation))
        while answer.status == 200:
            answer = refresh(answer.refresh, retry_key(answer.generation))
            print(answer.generation, answer.refresh, flush=True)  # noqa: T201
            if how == "once":
                break
