"""Where the state is kept: the protocol of a store, and a store in memory."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from threading import Lock
from typing import Protocol


class Store(Protocol):
    """Keeps one text, or nothing. Threads and processes share it.

    Every method raises StoreError, and then has changed nothing, if the store cannot be used.
    `str(store)` names the store in error messages.
    """

    def read(self) -> str | None:
        """Return the text, or None if the store is empty."""

    def swap(self, old: str | None, new: str | None) -> bool:
        """Replace `old` by `new` and return true, or return false if the text is not `old`.

        This is one atomic step for all threads and processes, and None empties the store. When it
        returns, `new` survives a crash.
        """

    def turn(self, timeout: float) -> AbstractContextManager[None]:
        """Wait until no other caller is inside this block, for at most `timeout` seconds.

        This only saves requests. After the timeout the block is entered all the same, so that a
        process that hangs does not stop the others.
        """


class MemoryStore:
    """Keeps the state in this process. It is lost when the process ends."""

    def __init__(self) -> None:
        self._text: str | None = None
        self._lock = Lock()
        self._turn = Lock()

    def __str__(self) -> str:
        return "The store in memory"

    def read(self) -> str | None:
        return self._text

    def swap(self, old: str | None, new: str | None) -> bool:
        with self._lock:
            if self._text != old:
                return False
            self._text = new
            return True

    @contextmanager
    def turn(self, timeout: float) -> Iterator[None]:
        locked = self._turn.acquire(timeout=timeout)
        try:
            yield
        finally:
            if locked:
                self._turn.release()
