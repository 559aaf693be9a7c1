"""The password hashers, which limit how many hashes are computed at a time.

A hash takes tens of milliseconds of a processor. Therefore separate threads compute the hashes.
They are one fewer than the server's threads and have a lower priority, so that the server answers
other requests first. This holds for every caller.
"""

import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from threading import BoundedSemaphore, get_native_id, local
from typing import TYPE_CHECKING, Any, TypeVar

from django.conf import settings
from django.contrib.auth import hashers

from accounts.errors import HashingBusyError

PATIENCE = 2  # seconds that a caller waits for a thread
NICENESS = 10  # of the threads, on Linux (setpriority(2)); the server's is 0

if TYPE_CHECKING:
    Base = hashers.BasePasswordHasher
else:
    Base = object

T = TypeVar("T")
_here = local()


def hashing_limit(threads: int) -> int:
    """Return how many threads of a process may hash at a time: all but one, and at least one."""
    return max(1, threads - 1)


class Limited(Base):
    """Hash in the threads for hashing, or raise HashingBusyError if none becomes free in time."""

    def encode(self, *args: Any, **kwargs: Any) -> str:
        return _run(super().encode, *args, **kwargs)

    def verify(self, password: str, encoded: str) -> bool:
        return _run(super().verify, password, encoded)


class Argon2idHasher(Limited, hashers.Argon2PasswordHasher):
    """Argon2id with 19 MiB, two passes and one lane (OWASP Password Storage Cheat Sheet)."""

    memory_cost = 19 * 1024
    time_cost = 2
    parallelism = 1


class PBKDF2Hasher(Limited, hashers.PBKDF2PasswordHasher):
    """Django's PBKDF2 hasher, for passwords that were imported from another site."""


class ScryptHasher(Limited, hashers.ScryptPasswordHasher):  # type: ignore[misc,name-defined]  # not in the stubs
    """Django's scrypt hasher, for passwords that were imported from another site."""


class _Threads:
    """The threads that only hash, and a semaphore that counts the free ones."""

    def __init__(self, count: int) -> None:
        self.free = BoundedSemaphore(count)
        self.pool = ThreadPoolExecutor(count, "hashing", initializer=_become_hashing_thread)


@lru_cache(maxsize=8)
def _threads(count: int) -> _Threads:
    return _Threads(count)


def _become_hashing_thread() -> None:
    _here.only_hashes = True
    if sys.platform == "linux":  # Other systems set the priority of processes only.
        os.setpriority(os.PRIO_PROCESS, get_native_id(), NICENESS)


def _run(function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Run the function in a thread for hashing. In such a thread, call it directly."""
    if getattr(_here, "only_hashes", False):
        return function(*args, **kwargs)
    threads = _threads(hashing_limit(settings.THREADS))
    if not threads.free.acquire(timeout=PATIENCE):
        raise HashingBusyError
    try:
        return threads.pool.submit(function, *args, **kwargs).result()
    finally:
        threads.free.release()
