"""Keys of `rest_framework.authtoken` and knox become sessions, by the real apps."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from django.urls import path
from pytest_django import Settings

from accounts.models import User
from project import urls
from tests.conftest import API, allow
from tests.support.site import Site, latchkey
from tokens.api.exchange import ExchangeView
from tokens.models import DeviceSession
from tokens.sessions import old_keys
from tokens.sessions.old_keys import Source

#: The endpoint exists only while an app with keys is installed.
urlpatterns = [path("api/auth/exchange/", ExchangeView.as_view()), *urls.urlpatterns]
CREATE = """
import json
from knox.models import AuthToken
from rest_framework.authtoken.models import Token
from accounts.models import User
alice = User.objects.get(username="alice")
print(json.dumps([Token.objects.create(user=alice).key, AuthToken.objects.create(user=alice)[1]]))
"""
COUNT = """
from knox.models import AuthToken
from rest_framework.authtoken.models import Token
print(Token.objects.count(), AuthToken.objects.count())
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Run the site with both apps and a user."""
    directory = tmp_path_factory.mktemp("old_keys")
    module = "tests.support.old_keys_site"
    with latchkey(directory, DJANGO_SETTINGS_MODULE=module) as running:
        running.add_people("alice")
        yield running


def exchange(site: Site, key: str) -> httpx.Response:
    body = {"key": key, "device": "phone"}
    return httpx.post(f"{site.url}/api/auth/exchange/", json=body, timeout=30)


@pytest.mark.slow
def test_keys_of_both_apps_are_exchanged_once(site: Site) -> None:
    keys: list[str] = json.loads(site.run(CREATE))
    for key in keys:
        answer = exchange(site, key)
        assert answer.status_code == 200, answer.text
        assert answer.headers["Cache-Control"] == "no-store"
        pair: dict[str, Any] = answer.json()
        body = {"refresh": pair["refresh"]}
        assert httpx.post(f"{site.url}/api/auth/refresh/", json=body).status_code == 200
        again = exchange(site, key)
        assert (again.status_code, again.json()["code"]) == (401, "token_not_valid")
        assert key not in answer.text
    assert site.run(COUNT) == "0 0"
    assert "/api/auth/exchange/" in httpx.get(f"{site.url}/api/schema/", timeout=60).text


@pytest.fixture
def keys(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the table of sessions be the one of the keys: the device of a session is its key."""
    table = Source("tokens.DeviceSession", "device")
    monkeypatch.setattr(old_keys, "SOURCES", {"tokens": table})


@pytest.mark.urls(__name__)
def test_a_session_knows_its_device(api: API, alice: User, keys: None) -> None:
    api.login(alice, device="an old key")
    answer = api.post(
        "exchange/", {"key": "an old key", "device": "phone"}, **{"User-Agent": "app"}
    )
    assert answer.status_code == 200
    session = DeviceSession.objects.get()
    assert (session.device, session.user_agent, session.ip_address) == ("phone", "app", "127.0.0.1")
    assert answer.json()["session"] == str(session.sid)


@pytest.mark.urls(__name__)
@pytest.mark.parametrize("key", [None, "", 7, "k\0y", "k" * 256, ["key"]])
def test_a_body_without_a_key_is_400(api: API, keys: None, key: object) -> None:
    answer = api.post("exchange/", {"key": key})
    assert (answer.status_code, [*answer.json()]) == (400, ["key"])


@pytest.mark.urls(__name__)
def test_exchanges_are_limited_per_network(
    api: API, settings: Settings, keys: None, fresh_counters: None
) -> None:
    allow(settings, exchange="2 per minute")
    statuses = [api.post("exchange/", {"key": "unknown"}).status_code for _ in range(3)]
    assert statuses == [401, 401, 429]
