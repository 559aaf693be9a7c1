"""The disk space of browsers is that of the store which the site uses."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from django.contrib.sessions.backends import file as django_file
from pytest_django import Settings

from accounts.browser.sessiondata import file
from project.compare.logins import Person, Way, demo_person
from project.compare.storage import MILLION, size_of_data

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def person(transactional_db: None) -> Iterator[Person]:
    with demo_person() as person:
        yield person


def use(settings: Settings, store: str) -> None:
    settings.SESSION_STORE = store
    settings.SESSION_ENGINE = f"accounts.browser.sessiondata.{store}"


def test_files_take_whole_blocks(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(settings, "file")
    for store in (django_file.SessionStore, file.SessionStore):  # where Django remembers it
        monkeypatch.setattr(store, "_storage_path", str(tmp_path), raising=False)
    with demo_person() as person:
        size = size_of_data(person.sign_in(Way.SESSION).secret)
        (kept,) = tmp_path.iterdir()
        assert size == kept.stat().st_blocks * 512 * MILLION
        assert size >= kept.stat().st_size * MILLION
    assert [*tmp_path.iterdir()] == []


def test_redis_tells_the_memory_of_a_key(settings: Settings, redis_url: str) -> None:
    use(settings, "redis")
    settings.CACHES = {
        **settings.CACHES,
        "sessions": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": redis_url,
            "OPTIONS": {"serializer": "accounts.browser.sessiondata.redis.Signed"},
        },
    }
    with demo_person() as person, redis.Redis.from_url(redis_url) as server:
        size = size_of_data(person.sign_in(Way.SESSION).secret)
        (key,) = server.keys()
        assert size == server.memory_usage(key) * MILLION
        assert size > server.strlen(key) * MILLION
    with redis.Redis.from_url(redis_url) as server:
        assert server.keys() == []


def test_rows_take_their_share_of_the_table(person: Person) -> None:
    size = size_of_data(person.sign_in(Way.SESSION).secret)
    assert 200 * MILLION < size < 2000 * MILLION
