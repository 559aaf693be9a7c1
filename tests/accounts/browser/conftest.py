"""A browser in which alice is signed in, and the store of its data."""

from pathlib import Path

import pytest
from django.contrib.sessions.backends import file as django_file
from pytest_django import Settings

from accounts.browser.sessiondata import file
from accounts.models import User
from tests.accounts.browser.stores import Kept, add_redis
from tests.support.visits import Browser


@pytest.fixture
def laptop(alice: User) -> Browser:
    """A browser in which alice is signed in."""
    laptop = Browser()
    assert laptop.sign_in().status_code == 204
    return laptop


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
