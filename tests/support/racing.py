"""Functions of the race tests: callers that start together, or that wait behind a lock."""

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

from tokens.api.errors import to_api_exception
from tokens.errors import TokenDomainError, TokenRefusedError
from tokens.jwt.claims import Pair, RefreshToken
from tokens.jwt.parsing import parse_token
from tokens.sessions.access import verify_by_row
from tokens.sessions.lifecycle import Device, open_session
from tokens.sessions.rotation import consume, rotate

T = TypeVar("T")


@dataclass(frozen=True)
class Outcome:
    """The answer to a request for a pair: its status and, for 200, the tokens."""

    status: int
    refresh: str = ""
    access: str = ""
    generation: int = 0
    session: str = ""


def outcome(pair: Pair) -> Outcome:
    """Return the pair as an answer with status 200."""
    return Outcome(
        200, str(pair.refresh), str(pair.access), pair.session.generation, str(pair.session.sid)
    )


def refresh(raw: str, key: str | None = None) -> Outcome:
    """Rotate the token and return the answer, which may be a refusal."""
    try:
        return outcome(rotate(parse_token(RefreshToken, raw), retry_key=key))
    except TokenDomainError as error:
        return Outcome(to_api_exception(error).status_code)


def refresh_uncommitted(raw: str, key: str | None = None) -> Outcome:
    """Spend the current token inside the open transaction, which `rotate` would not do."""
    pair = consume(RefreshToken(raw), key, None)
    assert pair is not None
    return outcome(pair)


def sign_in(user: AbstractUser, device: str = "phone") -> Outcome:
    """Open a session for a user whose password was verified. It must succeed."""
    pair = open_session(user, Device(label=device))
    assert pair is not None
    return outcome(pair)


def is_accepted(access: str) -> bool:
    """Return whether the row of the session accepts this access token."""
    try:
        verify_by_row(access)
    except TokenRefusedError:
        return False
    return True


def refresh_until_refused(first: Outcome) -> Outcome:
    """Refresh like an honest device until a refusal, and return the last pair."""
    last = first
    for _ in range(2000):
        answer = refresh(last.refresh)
        if answer.status == 401:
            return last
        assert answer.status == 200
        last = answer
    raise AssertionError("The session was never ended.")


def race(*callers: Callable[[], T]) -> list[T]:
    """Start the callers simultaneously, each in its own thread with its own connection.

    Returns their results in the same order, or raises the exception of the first that failed.
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
    """Keep a transaction open, and make callers wait for the rows that it has locked.

    Yields a function that starts a caller in a thread, and returns when PostgreSQL shows that the
    caller waits for a lock. The transaction is committed at the end of the block.
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
    """Return the number of connections to this database that wait for a lock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute(
            "SELECT count(DISTINCT pid) FROM pg_locks JOIN pg_stat_activity USING (pid)"
            " WHERE NOT granted AND datname = current_database()"
        )
        (count,) = cursor.fetchone()
        return int(count)


def retry_key(generation: int) -> str:
    """Return the Idempotency-Key of this client for the token of that generation."""
    return f"a client's secret, {generation}"


def run_refreshes() -> None:
    """Run in a separate process: refresh the tokens on the standard input.

    An input line is `<once or forever> <generation> <token>`. Each refresh prints a line
    `<generation> <token>`.
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
