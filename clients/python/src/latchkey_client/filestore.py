"""A store in a file that only its owner can read."""

import os
from contextlib import AbstractContextManager, suppress
from pathlib import Path

from latchkey_client.errors import StoreError
from latchkey_client.locks import FileLocks


class FileStore:
    """Keeps the state in a file of mode 0600. Any number of processes may share it.

    The file is replaced by renaming, so a crash or a full disk leaves the old content. Two lock
    files and, during a write, a temporary file are in the same directory, which is created if it
    does not exist. The directory must be local: locks of network file systems are not reliable.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path).expanduser().resolve()
        self._locks = FileLocks(self.path)

    def __str__(self) -> str:
        return str(self.path)

    def read(self) -> str | None:
        try:
            if self.path.exists() and not self.path.is_file():
                raise StoreError(f"{self.path} is not a file.")
            return self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise StoreError(f"{self.path} cannot be read: {error}") from error

    def swap(self, old: str | None, new: str | None) -> bool:
        with self._locks.writing():
            if self.read() != old:
                return False
            try:
                self._write(new)
            except OSError as error:
                raise StoreError(f"{self.path} cannot be written: {error}") from error
            return True

    def turn(self, timeout: float) -> AbstractContextManager[None]:
        return self._locks.turn(timeout)

    def _write(self, text: str | None) -> None:
        """Replace the file, or remove it. When this returns, the change is on the disk."""
        temporary = self.path.with_name(f"{self.path.name}.new")
        temporary.unlink(missing_ok=True)  # of a process that was killed
        if text is None:
            self.path.unlink(missing_ok=True)
        else:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
            try:
                with os.fdopen(os.open(temporary, flags, 0o600), "wb") as file:
                    file.write(text.encode())
                    file.flush()
                    os.fsync(file.fileno())
                temporary.replace(self.path)
            except OSError:
                with suppress(OSError):
                    temporary.unlink(missing_ok=True)
                raise
        sync_directory(self.path.parent)


def sync_directory(path: Path) -> None:
    """Write the directory's entries to the disk, on systems that can open a directory."""
    if os.name == "posix":
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
