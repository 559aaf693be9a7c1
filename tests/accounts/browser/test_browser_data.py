"""SESSION_STORE selects the store of session data, which never contains a usable cookie."""

import json
import pickle
import tempfile
from dataclasses import dataclass
from datetime import timedelta
from errno import ENOSPC
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import redis
from django.conf import settings as shipped
from django.contrib.sessions.backends import file as django_file
from django.contrib.sessions.models import Session
from django.core.cache import caches
from django.core.cache.backends.redis import RedisCache
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from accounts.browser.sessiondata import database, file
from accounts.errors import BrowserDataError
from accounts.models import User
from tests.conftest import Clock
from tests.support.disk import full_disk
from tests.support.visits import Browser
from tokens.models import DeviceSession

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.support.visits")]

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


@pytest.fixture
def kept(
    request: pytest.FixtureRequest,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Kept:
    """Use the store that the parameter names. It is empty."""
    kept = Kept(str(request.param), tmp_path / "sessions")
    settings.SESSION_ENGINE = f"accounts.browser.sessiondata.{kept.store}"
    if kept.store == "file":
        kept.directory.mkdir()
        settings.SESSION_FILE_PATH = str(kept.directory)
        for store in (django_file.SessionStore, file.SessionStore):  # where Django remembers it
            monkeypatch.setattr(store, "_storage_path", str(kept.directory), raising=False)
    if kept.store == "redis":
        kept.redis_url = request.getfixturevalue("redis_url")
        add_redis(settings, kept.redis_url)
    return kept


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


@every_store
def test_a_browser_signs_in_and_out_with_each_store(kept: Kept, alice: User) -> None:
    laptop = Browser()
    laptop.sign_in()
    assert (laptop.name, len(kept.dump())) == ("alice", 1)
    laptop.sign_in()
    assert (laptop.name, len(kept.dump())) == ("alice", 1)
    laptop.client.post("/leave/")
    assert (laptop.name, kept.dump()) == ("", {})
    assert not DeviceSession.objects.active().exists()


@every_store
def test_an_anonymous_sign_out_stores_nothing(kept: Kept, alice: User) -> None:
    assert Browser().client.post("/leave/").status_code == 204
    assert kept.dump() == {}


@pytest.mark.trap(61)
@every_store
def test_the_stored_data_does_not_reveal_the_cookie(kept: Kept, alice: User) -> None:
    laptop, thief = Browser(), Browser()
    laptop.sign_in()
    read = kept.dump()
    assert laptop.key.encode() not in b"".join([*map(str.encode, read), *read.values()])
    names = [*read, *(name.removeprefix("sessionid") for name in read)]
    for name in [*names, *(name.rpartition("cache")[2] for name in names)]:
        thief.client.cookies[shipped.SESSION_COOKIE_NAME] = name
        assert thief.name == ""
    assert laptop.name == "alice"


@every_store
@pytest.mark.parametrize(
    "key", ["", "x", "garbage-garbage", "../../etc/passwd", "a" * 4000, "ä\0b"]
)
def test_an_unknown_cookie_is_anonymous(kept: Kept, alice: User, key: str) -> None:
    visitor = Browser()
    visitor.client.cookies[shipped.SESSION_COOKIE_NAME] = key
    assert visitor.name == ""
    assert visitor.sign_in().status_code == 204
    assert visitor.name == "alice"


@every_store
def test_a_key_that_the_client_chose_is_not_adopted(kept: Kept) -> None:
    """A thief who planted the key would know it later."""
    key = "a" * 32
    data = import_module(shipped.SESSION_ENGINE).SessionStore(key)
    data["theme"] = "dark"
    data.save()
    assert data.session_key not in (None, key)


def test_expired_data_in_the_database_is_not_read(clock: Clock) -> None:
    data = database.SessionStore()
    data["theme"] = "dark"
    data.set_expiry(60)
    data.save()
    assert database.SessionStore(data.session_key).get("theme") == "dark"
    clock.forward(seconds=60)
    assert database.SessionStore(data.session_key).get("theme") is None


@every_store
def test_data_is_deleted_only_after_it_has_expired(kept: Kept, alice: User, clock: Clock) -> None:
    """`purgetokens` and Django's `clearsessions` delete the data. Redis deletes it by itself."""
    if kept.store == "file":
        clock.traveller.move_to(timezone.now() + timedelta(seconds=1))  # files have the real time
    old, new = Browser(), Browser()
    old.sign_in()
    clock.forward(hours=8)
    new.sign_in(remember="yes")
    clock.forward(hours=3)
    call_command("purgetokens", verbosity=0)
    assert len(kept.dump()) == 2
    clock.forward(hours=2)
    call_command("purgetokens", verbosity=0)
    assert len(kept.dump()) == (2 if kept.store == "redis" else 1)
    assert (old.name, new.name) == ("", "alice")


@only_redis
def test_data_in_redis_has_an_expiry(kept: Kept, alice: User) -> None:
    laptop = Browser()
    laptop.sign_in(remember="yes")
    (key,) = kept.dump()
    with kept.server() as server:
        assert 0 < server.ttl(key) <= 90 * 24 * 3600
        server.delete(key)
    assert laptop.name == ""


@pytest.mark.django_db(transaction=True)
def test_expired_data_is_deleted_in_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "SLICE", 10)
    yesterday = timezone.now() - timedelta(days=1)
    Session.objects.bulk_create(
        Session(session_key=f"{number:040}", session_data="", expire_date=yesterday)
        for number in range(25)
    )
    with CaptureQueriesContext(connection) as captured:
        call_command("clearsessions")
    deletes = [one for one in captured.captured_queries if one["sql"].startswith("DELETE")]
    assert (len(deletes), Session.objects.count()) == (3, 0)


def test_the_clean_up_uses_the_clock_of_the_site(alice: User, clock: Clock) -> None:
    laptop = Browser()
    laptop.sign_in()
    assert Session.objects.get().expire_date == timezone.now() + timedelta(hours=12)


@only_redis
def test_data_in_redis_without_a_signature_is_ignored(kept: Kept, alice: User) -> None:
    """Guards the signature: without it, the public id of a session would be enough to sign in."""
    laptop = Browser()
    laptop.sign_in()
    (key,) = kept.dump()
    forged = {"_device_session": str(laptop.row.sid)}
    with kept.server() as server:
        for planted in (json.dumps(forged).encode(), pickle.dumps(forged), b"\xff", b""):
            server.set(key, planted)
            assert laptop.name == ""


@every_store
def test_a_changed_secret_key_loses_no_cookie(kept: Kept, alice: User, settings: Settings) -> None:
    """docs/operating.md promises that everything is accepted again with the fallback."""
    laptop, old_key = Browser(), settings.SECRET_KEY
    laptop.sign_in()
    cookie = laptop.key
    settings.SECRET_KEY = "n" * 50
    assert (laptop.name, laptop.key) == ("", cookie)
    settings.SECRET_KEY_FALLBACKS = [old_key]
    assert (laptop.name, laptop.key) == ("alice", cookie)


@every_store
def test_a_browser_can_sign_in_again_with_a_changed_secret_key(
    kept: Kept, alice: User, settings: Settings
) -> None:
    laptop = Browser()
    laptop.sign_in()
    cookie = laptop.key
    settings.SECRET_KEY = "n" * 50
    assert laptop.name == ""
    assert laptop.sign_in().status_code == 204
    assert laptop.name == "alice"
    assert laptop.key != cookie
    assert len(kept.dump()) == 1


@only_files
def test_data_for_which_the_disk_has_no_space_is_an_error(kept: Kept) -> None:
    data = file.SessionStore()
    data["theme"] = "dark"
    data.save()
    before = kept.dump()
    data["theme"] = "light"
    for store in (data, file.SessionStore()):
        with full_disk(), pytest.raises(BrowserDataError):
            store.save()
    assert kept.dump() == before
    assert file.SessionStore(data.session_key)["theme"] == "dark"


@only_files
def test_without_space_for_files_a_browser_gets_503(
    kept: Kept, alice: User, caplog: pytest.LogCaptureFixture
) -> None:
    """Django ignores the error, so that the sign-in would lead back to its page in a loop."""
    laptop = Browser()
    kept.directory.rmdir()
    away = laptop.sign_in()
    assert (away.status_code, away["Retry-After"], laptop.key) == (503, "5", "")
    assert "database_unavailable" in caplog.text
    assert not DeviceSession.objects.exists()
    kept.directory.mkdir()
    assert laptop.sign_in().status_code == 204
    assert laptop.name == "alice"


@only_files
def test_data_that_cannot_be_stored_after_the_view_is_503_too(
    kept: Kept, alice: User, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The middleware stores it, and Django's `process_exception` sees errors of views only."""

    def refuse(**kwargs: Any) -> None:
        raise OSError(ENOSPC, "No space left on device")

    laptop = Browser()
    laptop.sign_in(remember="yes")
    laptop.client.raise_request_exception = False
    clock.forward(days=2)  # The next page stores when the session was used.
    with monkeypatch.context() as patch:
        patch.setattr(tempfile, "mkstemp", refuse)
        away = laptop.client.get("/who/")
    assert (away.status_code, away["Retry-After"]) == (503, "5")
    assert laptop.name == "alice"


@only_redis
def test_without_redis_a_browser_gets_503_and_keeps_its_cookie(
    kept: Kept, alice: User, settings: Settings
) -> None:
    laptop = Browser()
    laptop.sign_in()
    key = laptop.key
    add_redis(settings, "redis://127.0.0.1:1/0")
    assert isinstance(caches["sessions"], RedisCache)
    away = laptop.client.get("/who/")
    assert (away.status_code, away["Retry-After"]) == (503, "5")
    assert not away.cookies
    add_redis(settings, kept.redis_url)
    assert (laptop.key, laptop.name) == (key, "alice")
