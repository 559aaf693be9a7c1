"""Run twelve callers at the same moment, each in a thread with its own database connection."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Barrier
from time import perf_counter
from typing import Generic, TypeVar

from django.db.backends.base.base import BaseDatabaseWrapper

T = TypeVar("T")

CALLERS = 12
PATIENCE = 10  # seconds that a thread waits until the others are ready


@dataclass(frozen=True)
class Timed(Generic[T]):
    """The result of one caller, with its times in seconds of `time.perf_counter`."""

    number: int
    started_at: float
    ended_at: float
    result: T


def run_together(
    connect: Callable[[], BaseDatabaseWrapper],
    call: Callable[[int, BaseDatabaseWrapper], T],
) -> list[Timed[T]]:
    """Return the results of `call(1, …)` to `call(CALLERS, …)`, which start simultaneously.

    `connect` returns the connection of a thread.
    """
    barrier = Barrier(CALLERS)

    def run(number: int) -> Timed[T]:
        database = connect()
        try:
            database.ensure_connection()
            barrier.wait(PATIENCE)
            started_at = perf_counter()
            result = call(number, database)
            return Timed(number, started_at, perf_counter(), result)
        finally:
            database.close()

    with ThreadPoolExecutor(CALLERS) as threads:
        return list(threads.map(run, range(1, CALLERS + 1)))
