"""Let one caller at a time do the work, and share the result with all who wait for it."""

import os
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Lock, Thread
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass
class Running(Generic[T]):
    """The call that runs in this process, or the last one that ran."""

    future: Future[T] | None = None
    lock: Lock = field(default_factory=Lock)


class SingleFlight(Generic[T]):
    """Runs one call at a time. Callers that arrive while it runs share its result or error.

    The call runs in a separate thread. A caller that is cancelled or interrupted therefore does not
    stop it, and threads and event loops can wait for the same call.
    """

    def __init__(self) -> None:
        # A forked process has a copy of this object, but not the threads.
        self._of_process: dict[int, Running[T]] = {}

    def join(self, call: Callable[[], T]) -> Future[T]:
        """Return the future of the running call, or start this one."""
        running = self._of_process.setdefault(os.getpid(), Running())
        with running.lock:
            if running.future is None or running.future.done():
                future: Future[T] = Future()
                future.set_running_or_notify_cancel()  # A waiting caller can no longer cancel it.
                Thread(target=run, args=(call, future), name="latchkey", daemon=True).start()
                running.future = future
            return running.future


def run(call: Callable[[], T], future: Future[T]) -> None:
    try:
        future.set_result(call())
    except BaseException as error:
        future.set_exception(error)


def completed(value: T) -> Future[T]:
    """Return a future that has this result already."""
    future: Future[T] = Future()
    future.set_result(value)
    return future
