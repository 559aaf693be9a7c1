"""Cache a document of the issuer while it is fresh, with one fetch at a time.

Each fetch runs in a separate thread. A cancelled caller therefore does not cancel the fetch, and
threads and event loops can wait for the same fetch.
"""

import logging
import math
import time
from collections.abc import Callable, Generator
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Lock, Thread
from typing import Generic, TypeAlias, TypeVar

import httpx

from latchkey_verifier.errors import VerifierError, VerifierUnavailable

T = TypeVar("T")
Fetch: TypeAlias = Future[None]
#: A generator that yields each fetch that it has to wait for. `Verifier.verify` blocks until the
#: fetch ends, and `Verifier.averify` awaits it.
Steps: TypeAlias = Generator[Fetch, None, T]

#: Seconds after which a fetch is abandoned, so that another may start.
OVERDUE = 60

log = logging.getLogger("latchkey_verifier")


@dataclass(frozen=True)
class Loaded(Generic[T]):
    """A document with two lifetimes in seconds: `fresh`, and `usable` while fetching fails."""

    value: T
    fresh: float
    usable: float


class Remote(Generic[T]):
    """The document at one URL. Fetches start at least `pause` seconds apart.

    If the clock is set back, the cached document counts as stale.
    """

    def __init__(self, name: str, load: Callable[[], Loaded[T]], *, pause: float) -> None:
        self.name = name
        self._load = load
        self._pause = pause
        self._lock = Lock()
        self._cached: tuple[float, Loaded[T]] | None = None  # and when its fetch started
        self._failing = False
        self._fetch: Fetch | None = None
        self._started_at = -math.inf

    def current(self) -> Steps[T]:
        """Return the document, and fetch it first unless it is fresh.

        While fetching fails, a caller gets the cached document without waiting as long as it is
        usable. Raises VerifierUnavailable after that.
        """
        with self._lock:
            if fresh := self._fresh():
                return fresh.value
            fetch = self._start_fetch()
            serves_stale = self._failing and self._usable()
        if fetch and not serves_stale:
            yield fetch
        with self._lock:
            if usable := self._usable():
                return usable.value
        raise self._unavailable()

    def newer(self) -> Steps[T]:
        """Return a document fetched at most `pause` seconds ago, or raise VerifierUnavailable."""
        with self._lock:
            fetch = self._start_fetch()
        if fetch:
            yield fetch
        with self._lock:
            usable = self._usable()
            if usable and not self._failing and self._fetch is None:
                return usable.value
        raise self._unavailable()

    def _fresh(self) -> Loaded[T] | None:
        fetched_at, loaded = self._cached or (0, None)
        return loaded if loaded and _passed(fetched_at) < loaded.fresh else None

    def _usable(self) -> Loaded[T] | None:
        fetched_at, loaded = self._cached or (0, None)
        return loaded if loaded and _passed(fetched_at) < loaded.usable else None

    def _start_fetch(self) -> Fetch | None:
        """Return the running fetch or start one; return None if one ended within the pause."""
        passed = _passed(self._started_at)
        if passed < self._pause or (self._fetch and passed < OVERDUE):
            return self._fetch
        self._started_at = time.time()
        self._fetch = Future()
        self._fetch.set_running_or_notify_cancel()  # A waiting caller can no longer cancel it.
        name = f"latchkey {self.name}"
        Thread(target=self._run, args=(self._fetch,), name=name, daemon=True).start()
        return self._fetch

    def _run(self, fetch: Fetch) -> None:
        loaded, started_at = None, time.time()
        try:
            loaded = self._load()
        except (httpx.HTTPError, ValueError, VerifierError) as error:
            log.warning("%s cannot be had: %s", self.name, error)
        finally:
            with self._lock:
                if self._fetch is fetch:  # An abandoned fetch changes nothing.
                    self._failing, self._fetch = loaded is None, None
                    self._cached = (started_at, loaded) if loaded else self._cached
            fetch.set_result(None)

    def _unavailable(self) -> VerifierUnavailable:
        wait = self._pause - _passed(self._started_at)
        return VerifierUnavailable(self.name, retry_after=max(1, math.ceil(wait)))


def _passed(moment: float) -> float:
    """Return the seconds since this moment, or infinity if the clock was set back."""
    passed = time.time() - moment
    return passed if passed >= 0 else math.inf
