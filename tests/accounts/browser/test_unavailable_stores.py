"""A page that cannot store the data of its browser is 503, and the browser keeps its cookie."""

import tempfile
from errno import ENOSPC
from typing import Any

import pytest
from django.core.cache import caches
from django.core.cache.backends.redis import RedisCache
from pytest_django import Settings

from accounts.browser.sessiondata import file
from accounts.errors import BrowserDataError
from accounts.models import User
from tests.accounts.browser.stores import Kept, add_redis, only_files, only_redis
from tests.conftest import Clock
from tests.support.disk import full_disk
from tests.support.visits import Browser
from tokens.models import DeviceSession

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.support.visits")]


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
