"""Which request a thread runs next: hashing a password never takes the last thread.

Hashing takes a hundred times as long as a refresh. If sign-ins could occupy every thread, each
refresh would wait for several hashes. So requests that may hash wait in a lane of their own.
"""

import time
from collections import deque
from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

from accounts.hashers import hashing_limit

PATIENCE = 5  # seconds that a request waits in the hashing lane before it is refused

Job = TypeVar("Job")


class Lanes(Generic[Job]):
    """Runs jobs in the threads that bring them, at most `threads` at a time.

    A thread that brings a job while too many run leaves it here and is free again; the job is run
    by the next thread that becomes free. Of the jobs that may run, the oldest runs first.
    """

    def __init__(self, threads: int, run: Callable[[Job], None]) -> None:
        self._run = run
        self._lock = Lock()
        self._idle = threads
        self._idle_hashing = hashing_limit(threads)
        self._waiting: deque[tuple[float, Job]] = deque()
        self._waiting_to_hash: deque[tuple[float, Job]] = deque()

    def enter(self, job: Job, *, hashing: bool) -> None:
        """Run the job and what waits behind it, or leave the job to a thread that runs another."""
        with self._lock:
            if not self._idle or (hashing and not self._idle_hashing):
                lane = self._waiting_to_hash if hashing else self._waiting
                lane.append((time.monotonic(), job))
                return
            self._take_slot(hashing)
        following: tuple[Job, bool] | None = (job, hashing)
        while following is not None:
            job, hashing = following
            try:
                self._run(job)
            finally:
                following = self._follow(hashing)

    def expired(self, now: float) -> list[Job]:
        """Take out and return the jobs that have waited too long to hash at this monotonic time."""
        oldest = now - PATIENCE
        jobs = []
        with self._lock:
            while self._waiting_to_hash and self._waiting_to_hash[0][0] < oldest:
                jobs.append(self._waiting_to_hash.popleft()[1])
        return jobs

    def _take_slot(self, hashing: bool) -> None:
        self._idle -= 1
        self._idle_hashing -= hashing

    def _follow(self, hashing: bool) -> tuple[Job, bool] | None:
        """Give back the slot of a job that has ended; return the next job, if one may run."""
        with self._lock:
            self._idle += 1
            self._idle_hashing += hashing
            if not self._waiting and not self._waiting_to_hash:
                return None
            lanes = [(self._waiting, False)]
            if self._idle_hashing:
                lanes.append((self._waiting_to_hash, True))
            ready = [(lane[0][0], lane, hashes) for lane, hashes in lanes if lane]
            if not ready:
                return None
            _, lane, hashes = min(ready, key=lambda found: found[0])
            self._take_slot(hashes)
            return lane.popleft()[1], hashes
