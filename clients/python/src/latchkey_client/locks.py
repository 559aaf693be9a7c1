"""Locks between processes, in files. The system releases them when a process dies."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from latchkey_client.errors import StoreError

WRITE_TIMEOUT = 10  # seconds; a write takes milliseconds


class FileLocks:
    """The two locks of a store: `turn` is held during a request, `writing` during a write.

    The lock files are next to `path`, in a directory that is created if it does not exist.
    """

    def __init__(self, path: Path) -> None:
        self._turn = path.with_name(f"{path.name}.refresh.lock")
        self._writing = path.with_name(f"{path.name}.lock")

    @contextmanager
    def turn(self, timeout: float) -> Iterator[None]:
        """Hold the lock of requests, or hold nothing if it cannot be had within the timeout."""
        self._make_directory()
        with ExitStack() as held:
            try:
                held.enter_context(FileLock(self._turn, timeout=timeout, mode=0o600))
            except Timeout:
                pass  # The Idempotency-Key makes a second request harmless.
            except OSError as error:
                raise StoreError(f"{self._turn} cannot be locked: {error}") from error
            yield

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the lock of writes. Raises StoreError if another process does not release it."""
        self._make_directory()
        with ExitStack() as held:
            lock = FileLock(self._writing, WRITE_TIMEOUT, mode=0o600)
            try:
                held.enter_context(lock.acquire(poll_interval=0.005))
            except Timeout as error:
                raise StoreError(f"Another process holds {self._writing}.") from error
            except OSError as error:
                raise StoreError(f"{self._writing} cannot be locked: {error}") from error
            yield

    def _make_directory(self) -> None:
        directory = self._turn.parent
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{directory} cannot be created: {error}") from error
