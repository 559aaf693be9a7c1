"""Session data in files, for a site on one machine."""

from typing import Any

from django.contrib.sessions.backends import file

from accounts.browser.sessiondata import BrowserData, stored_key


class SessionStore(BrowserData, file.SessionStore):
    """Django's, with hashed keys in the names of the files."""

    def _key_to_file(self, session_key: str | None = None) -> str:
        known: Any = super()  # The stubs declare no private methods.
        path: str = known._key_to_file(stored_key(session_key or self.own_key))
        return path

    @classmethod
    def clear_expired(cls) -> None:
        # Django's own store takes the file names for keys; here they are hashes of keys.
        file.SessionStore.clear_expired()
