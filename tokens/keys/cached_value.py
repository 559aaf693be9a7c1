"""A value that each process loads from the database at most once per SNAPSHOT_INTERVAL."""

from collections.abc import Callable
from threading import Lock
from time import monotonic
from typing import Generic, TypeVar

import structlog
from django.db import DatabaseError, OperationalError

from tokens.conf import conf

T = TypeVar("T")
NEVER = -1.0  # by the monotonic clock
UNAVAILABLE = "The database could not be asked who was signed out."

log = structlog.stdlib.get_logger("latchkey.snapshot")


class CachedValue(Generic[T]):
    """Keeps what `take` returned, and lets one thread at a time take it anew.

    Who comes meanwhile waits for that one; once it has failed, they fail at once until it succeeds,
    so that a database that is away holds up one thread and not all of them.
    """

    def __init__(self, load: Callable[[], T]) -> None:
        self._load = load
        self._lock = Lock()
        self._value: T | None = None
        self._loaded_at = 0.0  # when, by the monotonic clock, in seconds
        self._failed_at = NEVER
        self._changes = 0  # that this process knows of; those in `_seen` are in what is held
        self._seen = 0

    def current(self) -> T:
        """Return what was taken no longer than SNAPSHOT_INTERVAL ago, or raise DatabaseError."""
        arrived = monotonic()
        held = self._value
        if held is not None and self._is_fresh(arrived):
            return held
        if self._failed_at > self._loaded_at and self._lock.locked():
            raise OperationalError(UNAVAILABLE)  # Somebody else finds out whether it is back.
        with self._lock:
            if self._value is not None and self._is_fresh(arrived):
                return self._value  # somebody took it while this one waited
            if arrived < self._failed_at:
                raise OperationalError(UNAVAILABLE)
            return self._reload()

    def invalidate(self) -> None:
        """Have the next caller take it anew, because something was just committed."""
        self._changes += 1
        self._failed_at = NEVER

    def _is_fresh(self, arrived: float) -> bool:
        interval = conf().SNAPSHOT_INTERVAL.total_seconds()
        return self._seen == self._changes and arrived - self._loaded_at < interval

    def _reload(self) -> T:
        changes, began = self._changes, monotonic()
        try:
            held = self._load()
        except DatabaseError:
            self._failed_at = monotonic()  # Who waits by now need not wait for the same again.
            raise
        self._value, self._loaded_at, self._seen = held, began, changes
        return held
