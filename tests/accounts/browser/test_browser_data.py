"""SESSION_STORE selects the store of session data, which never contains a usable cookie."""

import json
import pickle
from datetime import timedelta
from importlib import import_module

import pytest
from django.conf import settings as shipped
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from accounts.browser.sessiondata import database
from accounts.models import User
from tests.accounts.browser.stores import (
    Kept,
    every_store,
    only_redis,
)
from tests.conftest import Clock
from tests.support.visits import Browser
from tokens.models import DeviceSession

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.support.visits")]


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
