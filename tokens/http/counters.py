"""Counters of fixed windows in this process, and a circuit breaker for a shared store."""

from collections.abc import Callable
from operator import itemgetter
from threading import Lock
from time import monotonic, time
from typing import Any, TypeVar

from limits.errors import StorageError
from limits.storage import Storage

T = TypeVar("T")

#: The maximum number of windows in a process, about 300 bytes each.
MAX_COUNTERS = 100_000
#: How many windows stay when there are too many: those with the most hits.
KEPT_COUNTERS = MAX_COUNTERS * 3 // 4
PAUSE = 5.0  # seconds between a failure of a store and the next request to it


class ProcessStorage(Storage):
    """The storage of fixed windows for `limits`: atomic, within one process, of bounded size.

    A window begins with its first hit and ends `expiry` seconds later, as in MemoryStorage and
    Redis. No thread cleans up. When all MAX_COUNTERS windows are in use, the windows that
    have ended are removed and, if necessary, those with the fewest hits. To have a counter with n
    hits removed, an attacker must first bring KEPT_COUNTERS other counters to n hits.
    """

    STORAGE_SCHEME = None

    def __init__(self) -> None:
        super().__init__()
        self._lock = Lock()
        self._windows: dict[str, tuple[int, float]] = {}  # hits, and when the window ends

    @property
    def base_exceptions(self) -> tuple[type[Exception], ...]:
        return ()

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Count the hit and return the number of hits in its window."""
        with self._lock:
            now = time()
            hits, ends_at = self._windows.get(key, (0, 0.0))
            if ends_at <= now:
                hits, ends_at = 0, now + expiry
                if len(self._windows) >= MAX_COUNTERS and key not in self._windows:
                    self._make_room(now)
            self._windows[key] = hits + amount, ends_at
            return hits + amount

    def get(self, key: str) -> int:
        """Return the number of hits in the window, or 0 if the window has ended."""
        hits, ends_at = self._windows.get(key, (0, 0.0))
        return hits if ends_at > time() else 0

    def get_expiry(self, key: str) -> float:
        """Return the end of the window in seconds since 1970, or the current time without one."""
        return max(self._windows.get(key, (0, 0.0))[1], time())

    def check(self) -> bool:
        return True

    def reset(self) -> int:
        """Remove all windows and return their number."""
        with self._lock:
            number = len(self._windows)
            self._windows.clear()
            return number

    def clear(self, key: str) -> None:
        with self._lock:
            self._windows.pop(key, None)

    def _make_room(self, now: float) -> None:
        """Remove the windows that have ended and, if too many are left, those with fewest hits."""
        windows = {key: window for key, window in self._windows.items() if window[1] > now}
        if len(windows) > KEPT_COUNTERS:
            most_hits = sorted(windows.items(), key=itemgetter(1), reverse=True)
            windows = dict(most_hits[:KEPT_COUNTERS])
        self._windows = windows


class StoreUnavailableError(Exception):
    """A shared store failed within the last PAUSE seconds. The text is the reason."""


class CircuitBreaker:
    """Stops calling a store that has failed, so that requests do not wait for it (thread-safe).

    For PAUSE seconds after a failure, the store is not called. Then one thread tries it again; the
    other threads do without the store until that call returns.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._reason: str | None = None  # None while the store works
        self._ask_at = 0.0  # seconds of the monotonic clock

    def call(self, ask: Callable[..., T], *arguments: Any) -> T:
        """Return the result of `ask`. Raises StoreUnavailableError if it fails or is skipped."""
        if self._reason is not None:
            self._admit_one()
        try:
            answer = ask(*arguments)
        except StorageError as error:
            reason = str(error.storage_error)
            with self._lock:
                self._reason, self._ask_at = reason, monotonic() + PAUSE
            raise StoreUnavailableError(reason) from error
        self._reason = None
        return answer

    def _admit_one(self) -> None:
        """Return in the one thread that may try the store now; raise the last failure in others."""
        with self._lock:
            if self._reason is not None and monotonic() < self._ask_at:
                raise StoreUnavailableError(self._reason)
            self._ask_at = monotonic() + PAUSE
