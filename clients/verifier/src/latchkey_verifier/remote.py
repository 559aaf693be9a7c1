"""A document of the issuer's: kept while it is fresh, fetched by one caller at a time.

The fetch runs in a thread of its own: a caller who goes away does not take it along, and callers
with and without an event loop wait for the same one.
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
Flight: TypeAlias = Future[None]
#: What to wait for before going on; whoever runs it decides how to wait.
Steps: TypeAlias = Generator[Flight, None, T]

#: Seconds after which a fetch that has not come back is given up, and another may begin.
OVERDUE = 60

log = logging.getLogger("latchkey_verifier")


@dataclass(frozen=True)
class Loaded(Generic[T]):
    """A document, for how many seconds it is fresh, and how long it may serve if none is newer."""

    value: T
    fresh: float
    usable: float


class Remote(Generic[T]):
    """What is at one address. Between the beginnings of two fetches lie `pause` seconds at least.

    A clock that is set back makes what is kept stale, and never fresh for longer.
    """

    def __init__(self, name: str, load: Callable[[], Loaded[T]], *, pause: float) -> None:
        self.name = name
        self._load = load
        self._pause = pause
        self._lock = Lock()
        self._held: tuple[float, Loaded[T]] | None = None  # and when it was asked for
        self._failing = False
        self._flight: Flight | None = None
        self._departed_at = -math.inf

    def current(self) -> Steps[T]:
        """Return the document, fetched anew unless it is fresh; raise VerifierUnavailable.

        While fetching fails, what was held serves on for as long as it is usable, and only
        somebody who has nothing waits.
        """
        with self._lock:
            if fresh := self._fresh():
                return fresh.value
            flight = self._depart()
            serves = self._failing and self._usable()
        if flight and not serves:
            yield flight
        with self._lock:
            if usable := self._usable():
                return usable.value
        raise self._unavailable()

    def newer(self) -> Steps[T]:
        """Return the document as it was at most `pause` seconds ago; raise VerifierUnavailable."""
        with self._lock:
            flight = self._depart()
        if flight:
            yield flight
        with self._lock:
            usable = self._usable()
            if usable and not self._failing and self._flight is None:
                return usable.value
        raise self._unavailable()

    def _fresh(self) -> Loaded[T] | None:
        held_at, held = self._held or (0, None)
        return held if held and _passed(held_at) < held.fresh else None

    def _usable(self) -> Loaded[T] | None:
        held_at, held = self._held or (0, None)
        return held if held and _passed(held_at) < held.usable else None

    def _depart(self) -> Flight | None:
        """Return the fetch that is under way, or begin one, or None if the last was just now."""
        passed = _passed(self._departed_at)
        if passed < self._pause or (self._flight and passed < OVERDUE):
            return self._flight
        self._departed_at = time.time()
        self._flight = Future()
        self._flight.set_running_or_notify_cancel()  # Nobody who waits can cancel it.
        name = f"latchkey {self.name}"
        Thread(target=self._fly, args=(self._flight,), name=name, daemon=True).start()
        return self._flight

    def _fly(self, flight: Flight) -> None:
        loaded, asked_at = None, time.time()
        try:
            loaded = self._load()
        except (httpx.HTTPError, ValueError, VerifierError) as error:
            log.warning("%s cannot be had: %s", self.name, error)
        finally:
            with self._lock:
                if self._flight is flight:  # and not given up meanwhile for another
                    self._failing, self._flight = loaded is None, None
                    self._held = (asked_at, loaded) if loaded else self._held
            flight.set_result(None)

    def _unavailable(self) -> VerifierUnavailable:
        wait = self._pause - _passed(self._departed_at)
        return VerifierUnavailable(self.name, retry_after=max(1, math.ceil(wait)))


def _passed(moment: float) -> float:
    """Return the seconds since then, endless if the clock was set back meanwhile."""
    passed = time.time() - moment
    return passed if passed >= 0 else math.inf
