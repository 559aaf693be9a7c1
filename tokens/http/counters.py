"""Counters of fixed windows in this process, and when to ask a shared store that has failed."""

from collections.abc import Callable
from operator import itemgetter
from threading import Lock
from time import monotonic, time
from typing import Any, TypeVar

from limits.errors import StorageError
from limits.storage import Storage

T = TypeVar("T")

#: How many windows a process counts at most, some 300 bytes each.
MAX_COUNTERS = 100_000
#: How many of them stay when there are too many: those that have counted the most.
KEPT_COUNTERS = MAX_COUNTERS * 3 // 4
PAUSE = 5.0  # seconds until a store that failed is asked again


class ProcessStorage(Storage):
    """What `limits` counts its fixed windows in: atomic, in this process alone, of bounded size.

    A window begins with its first hit and ends `expiry` seconds later, as those of MemoryStorage
    and of Redis do. No thread cleans up: when all MAX_COUNTERS windows are in use, those that
    have ended are removed and, if that is not enough, those with the fewest hits. An attacker who
    wants a counter that stands at n forgotten has to bring KEPT_COUNTERS others to n first.
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
        """Count a hit and return how many there are in its window."""
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
        """Return how many hits there are in the window, 0 if it has ended."""
        hits, ends_at = self._windows.get(key, (0, 0.0))
        return hits if ends_at > time() else 0

    def get_expiry(self, key: str) -> float:
        """Return when the window ends, in seconds since 1970: now, if there is none."""
        return max(self._windows.get(key, (0, 0.0))[1], time())

    def check(self) -> bool:
        return True

    def reset(self) -> int:
        """Forget all windows and return how many there were."""
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
    """A shared store fails, or has failed a moment ago; the text is the reason."""


class CircuitBreaker:
    """Remembers that a store has failed, so that not every request waits for it (thread-safe).

    After a failure the store is not asked for PAUSE seconds. Then one thread asks it again, and the
    others go on without it until that thread has been answered.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._reason: str | None = None  # None while the store works
        self._ask_at = 0.0  # when to ask again, by the monotonic clock

    def call(self, ask: Callable[..., T], *arguments: Any) -> T:
        """Return what `ask` returns; raise StoreUnavailableError if it fails or is not tried."""
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
        """Return if it is time to ask again and no other thread does, or raise the last failure."""
        with self._lock:
            if self._reason is not None and monotonic() < self._ask_at:
                raise StoreUnavailableError(self._reason)
            self._ask_at = monotonic() + PAUSE
