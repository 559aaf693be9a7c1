"""A value that each process loads from the database at most once per SNAPSHOT_INTERVAL."""

from collections.abc import Callable
from threading import Lock
from time import monotonic
from typing import Generic, TypeVar

from django.db import DatabaseError, OperationalError

from tokens.conf import conf

T = TypeVar("T")
NEVER = -1.0  # before any time of the monotonic clock
UNAVAILABLE = "The database cannot be reached, so keys and revocations are unknown."


class CachedValue(Generic[T]):
    """Caches the value that `load` returns. One thread at a time calls `load`.

    Other threads wait for that call. After a call has failed, they raise immediately until a call
    succeeds, so an unreachable database blocks one thread and not all of them.
    """

    def __init__(self, load: Callable[[], T]) -> None:
        self._load = load
        self._lock = Lock()
        self._value: T | None = None
        self._loaded_at = 0.0  # seconds of the monotonic clock, as in `_failed_at`
        self._failed_at = NEVER
        self._changes = 0  # calls of `invalidate`
        self._seen = 0  # the calls of `invalidate` that came before the cached value was loaded

    def current(self) -> T:
        """Return a value loaded at most SNAPSHOT_INTERVAL ago, or raise DatabaseError."""
        arrived = monotonic()
        cached = self._value
        if cached is not None and self._is_fresh(arrived):
            return cached
        if self._failed_at > self._loaded_at and self._lock.locked():
            raise OperationalError(UNAVAILABLE)  # Another thread is trying the database again.
        with self._lock:
            if self._value is not None and self._is_fresh(arrived):
                return self._value  # Another thread loaded it while this one waited.
            if arrived < self._failed_at:
                raise OperationalError(UNAVAILABLE)
            return self._reload()

    def age(self) -> float:
        """Return the seconds since the value was loaded. Load it first if it is not fresh."""
        self.current()
        return monotonic() - self._loaded_at

    def last(self) -> tuple[T, float] | None:
        """Return the value of the last load and its age in seconds, or None before the first."""
        value = self._value
        return None if value is None else (value, monotonic() - self._loaded_at)

    def invalidate(self) -> None:
        """Make the next caller load the value again. Call this after a change is committed."""
        self._changes += 1
        self._failed_at = NEVER

    def _is_fresh(self, arrived: float) -> bool:
        interval = conf().SNAPSHOT_INTERVAL.total_seconds()
        return self._seen == self._changes and arrived - self._loaded_at < interval

    def _reload(self) -> T:
        changes, began = self._changes, monotonic()
        try:
            value = self._load()
        except DatabaseError:
            self._failed_at = monotonic()  # The threads that are waiting now raise as well.
            raise
        self._value, self._loaded_at, self._seen = value, began, changes
        return value
