"""A store in the keyring of the system, by the package `keyring`."""

import hashlib
from contextlib import AbstractContextManager
from pathlib import Path

from latchkey_client.errors import StoreError
from latchkey_client.locks import FileLocks

try:
    import keyring
    from keyring.errors import KeyringError, PasswordDeleteError
except ImportError as error:
    raise ImportError(
        "KeyringStore needs the package keyring: latchkey-client[keyring]."
    ) from error


#: Not in the directory for temporary files, which can differ between cron and a shell.
LOCKS = Path("~/.local/state/latchkey")


class KeyringStore:
    """Keeps the state in the system's keyring, as the password of `username` for `service`.

    Lock files in the home directory keep processes apart.
    """

    def __init__(self, service: str = "latchkey", username: str = "session") -> None:
        self.service = service
        self.username = username
        name = hashlib.sha256(f"{service}\0{username}".encode()).hexdigest()[:16]
        self._locks = FileLocks(LOCKS.expanduser() / f"keyring-{name}")

    def __str__(self) -> str:
        return f"The entry {self.service}/{self.username} of the keyring"

    def read(self) -> str | None:
        try:
            return keyring.get_password(self.service, self.username)
        except KeyringError as error:
            raise StoreError(f"The keyring cannot be read: {error}") from error

    def swap(self, old: str | None, new: str | None) -> bool:
        with self._locks.writing():
            if self.read() != old:
                return False
            try:
                if new is not None:
                    keyring.set_password(self.service, self.username, new)
                elif old is not None:
                    keyring.delete_password(self.service, self.username)
            except PasswordDeleteError:
                if self.read() is not None:
                    raise StoreError("The keyring does not delete the session.") from None
            except KeyringError as error:
                raise StoreError(f"The keyring cannot be written: {error}") from error
            return True

    def turn(self, timeout: float) -> AbstractContextManager[None]:
        return self._locks.turn(timeout)
