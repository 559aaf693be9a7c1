"""Decide which request a thread runs next, so that hashing never occupies the last thread.

Hashing takes a hundred times as long as a refresh. If sign-ins could occupy every thread, each
refresh would wait for several hashes. So requests that may hash wait in a separate lane.
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
    """Runs jobs in the threads that submit them, at most `threads` at a time.

    If too many jobs run, the thread leaves its job here and is free again. The next free thread
    runs the job. The oldest job that may run is run first.
    """

    def __init__(self, threads: int, run: Callable[[Job], None]) -> None:
        self._run = run
        self._lock = Lock()
        self._idle = threads
        self._idle_hashing = hashing_limit(threads)
        self._waiting: deque[tuple[float, Job]] = deque()
        self._waiting_to_hash: deque[tuple[float, Job]] = deque()

    def enter(self, job: Job, *, hashing: bool) -> None:
        """Run the job and the jobs that wait behind it, or leave the job to another thread."""
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
        """Remove and return the jobs that have waited too long to hash at this monotonic time."""
        oldest = now - PATIENCE
        jobs = []
        with self._lock:
            while self._waiting_to_hash and self._waiting_to_hash[0][0] < oldest:
                jobs.append(self._waiting_to_hash.popleft()[1])
        return jobs

    def count_waiting(self) -> int:
        """Return the number of jobs that wait for a thread."""
        return len(self._waiting) + len(self._waiting_to_hash)

    def _take_slot(self, hashing: bool) -> None:
        self._idle -= 1
        self._idle_hashing -= hashing

    def _follow(self, hashing: bool) -> tuple[Job, bool] | None:
        """Free the slot of a finished job, and return the next job if one may run."""
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
