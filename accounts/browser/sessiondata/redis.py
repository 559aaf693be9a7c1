"""Session data in Redis. It is signed, so that another writer of Redis can sign no browser in."""

from contextlib import suppress
from typing import Any

from django.conf import settings
from django.contrib.sessions.backends import cache
from django.core import signing
from django.core.cache import caches

from accounts.browser.sessiondata import BrowserData, stored_key


class Signed:
    """Signs values, and reads a value without a valid signature as empty data.

    It is not missing: that would delete the cookie of the browser, which must be signed in again
    once a lost secret key is in SECRET_KEY_FALLBACKS.
    """

    salt = "accounts.sessiondata.redis"

    def dumps(self, data: Any) -> str:
        return signing.dumps(data, salt=self.salt)

    def loads(self, text: bytes) -> Any:
        with suppress(signing.BadSignature, UnicodeDecodeError):
            return signing.loads(text.decode(), salt=self.salt)
        return {}


class SessionStore(BrowserData, cache.SessionStore):
    """Django's, with hashed keys. An unreachable Redis is an error and signs no browser out."""

    @property
    def cache_key(self) -> str:
        return f"{self.cache_key_prefix}{stored_key(self.own_key)}"

    def load(self) -> Any:
        data = caches[settings.SESSION_CACHE_ALIAS].get(self.cache_key)
        if data is None:
            self._session_key = None
        return data or {}

    def exists(self, session_key: str) -> bool:
        return super().exists(stored_key(session_key))

    def delete(self, session_key: str | None = None) -> None:
        key = session_key or self.session_key
        if key is not None:
            super().delete(stored_key(key))
