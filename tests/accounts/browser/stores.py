"""The stores of browsers' data that SESSION_STORE selects, for tests."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis
from django.contrib.sessions.models import Session
from pytest_django import Settings

STORES = ["database", "file", "redis"]


@dataclass
class Kept:
    """A store of the browsers' session data."""

    store: str
    directory: Path
    redis_url: str = ""

    def dump(self) -> dict[str, bytes]:
        """Return all data in the store, by its name."""
        if self.store == "database":
            return {row.session_key: row.session_data.encode() for row in Session.objects.all()}
        if self.store == "file":
            return {path.name: path.read_bytes() for path in self.directory.iterdir()}
        with self.server() as server:
            return {key.decode(): server.get(key) for key in server.scan_iter()}

    def server(self) -> Any:
        return redis.Redis.from_url(self.redis_url)


def add_redis(settings: Settings, address: str) -> None:
    """Use the Redis at this URL, with the settings for SESSION_STORE=redis."""
    settings.CACHES = {
        **settings.CACHES,
        "sessions": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": address,
            "OPTIONS": {"serializer": "accounts.browser.sessiondata.redis.Signed"},
        },
    }


every_store = pytest.mark.parametrize("kept", STORES, indirect=True)
only_files = pytest.mark.parametrize("kept", ["file"], indirect=True)
only_redis = pytest.mark.parametrize("kept", ["redis"], indirect=True)
