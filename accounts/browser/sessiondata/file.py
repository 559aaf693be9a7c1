"""Session data in files, for a site on one machine."""

import os
import tempfile
from pathlib import Path
from typing import Any

from django.contrib.sessions.backends import file
from django.contrib.sessions.backends.base import CreateError, UpdateError

from accounts.browser.sessiondata import BrowserData, stored_key
from accounts.errors import BrowserDataError


class SessionStore(BrowserData, file.SessionStore):
    """Django's, with hashed keys in the names of the files. A full disk is an error."""

    def _key_to_file(self, session_key: str | None = None) -> str:
        known: Any = super()  # The stubs declare no private methods.
        path: str = known._key_to_file(stored_key(session_key or self.own_key))
        return path

    def save(self, must_create: bool = False) -> None:
        """Store the data, or raise BrowserDataError. Django's method ignores an error of the disk.

        Then the sign-in would lead back to its page again and again.
        """
        if self.session_key is None:
            return self.create()
        known: Any = self
        data = known._get_session(no_load=must_create)
        path = Path(self._key_to_file())
        try:
            if path.exists() is must_create:
                raise CreateError if must_create else UpdateError
            replace_file(path, self.encode(data).encode())
        except OSError as error:
            raise BrowserDataError from error
        return None

    @classmethod
    def clear_expired(cls) -> None:
        # Django's own store takes the file names for keys; here they are hashes of keys.
        file.SessionStore.clear_expired()


def replace_file(path: Path, content: bytes) -> None:
    """Write the file in one step. If that raises OSError, it stays as it is."""
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}_out_")
    try:
        with os.fdopen(descriptor, "wb") as output:
            output.write(content)
        Path(draft).replace(path)
    except OSError:
        Path(draft).unlink()
        raise
