"""Administrators find a session by what they know about it, without reading the whole table."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from tests.conftest import API, row
from tests.support.people import FIREFOX, IPHONE
from tests.support.staff import SESSIONS
from tests.tokens.admin.pages import tokens_listed
from tests.tokens.models.test_user_agents import NAMES
from tokens.admin import session_search
from tokens.admin.lists import MAX_WORDS
from tokens.models import DeviceSession, Reason

pytestmark = pytest.mark.django_db


@pytest.fixture
def phone(api: API, alice: User) -> DeviceSession:
    """The session of alice's phone, which is the oldest one."""
    return described(api.login(alice, "Alice's phone"), ip_address="192.0.2.7", user_agent=IPHONE)


@pytest.fixture
def laptop(phone: DeviceSession, api: API, bob: User) -> DeviceSession:
    """The session of a browser of bob, without a name for the device."""
    pair = api.login(bob, "")
    return described(pair, rotated_from="2001:db8::5", user_agent=FIREFOX)


def described(pair: dict[str, Any], **columns: str) -> DeviceSession:
    session = row(pair)
    DeviceSession.objects.filter(pk=session.pk).update(**columns)
    return session


@pytest.mark.parametrize(
    "words",
    ["192.0.2.7", "alice's phone", "PHONE", "Safari on iPhone", "ali", "alice " * MAX_WORDS],
    ids=["address", "device", "part of it", "friendly name", "user name", "many words"],
)
def test_a_session_is_found_by(
    phone: DeviceSession, laptop: DeviceSession, carol: Client, words: str
) -> None:
    assert tokens_listed(carol.get(SESSIONS, {"q": words})) == {phone}


@pytest.mark.parametrize("words", ["2001:db8:0:0::5", "firefox on Linux", "bob"])
def test_a_browser_is_found_by(
    phone: DeviceSession, laptop: DeviceSession, carol: Client, words: str
) -> None:
    assert tokens_listed(carol.get(SESSIONS, {"q": words})) == {laptop}


@pytest.mark.parametrize("change", [str, str.upper])
def test_a_session_is_found_by_the_id_in_the_list(
    phone: DeviceSession, laptop: DeviceSession, carol: Client, change: Any
) -> None:
    short = str(phone)[:8]
    assert short in carol.get(SESSIONS).content.decode()
    assert tokens_listed(carol.get(SESSIONS, {"q": change(short)})) == {phone}


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [pytest.param(*named, id=named[1]) for named in NAMES.items() if " on " in named[1]],
)
def test_a_device_is_found_by_its_friendly_name(
    laptop: DeviceSession, carol: Client, user_agent: str, name: str
) -> None:
    DeviceSession.objects.filter(pk=laptop.pk).update(user_agent=user_agent)
    assert laptop in tokens_listed(carol.get(SESSIONS, {"q": name}))


@pytest.mark.parametrize("words", ["192.0.2.8", "phone firefox", "macOS", "on", "0" * 8])
def test_nothing_is_found_by(
    phone: DeviceSession, laptop: DeviceSession, carol: Client, words: str
) -> None:
    if words == "on":  # which "iPhone" contains
        DeviceSession.objects.filter(pk=phone.pk).update(device="", user_agent="")
    assert phone not in tokens_listed(carol.get(SESSIONS, {"q": words}))


def test_addresses_and_devices_are_searched_in_the_newest_sessions(
    phone: DeviceSession, laptop: DeviceSession, carol: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_search, "NEWEST", 1)
    assert tokens_listed(carol.get(SESSIONS, {"q": "phone"})) == set()
    assert tokens_listed(carol.get(SESSIONS, {"q": str(phone)[:8]})) == {phone}
    assert tokens_listed(carol.get(SESSIONS, {"q": "ali"})) == {phone}


@pytest.mark.parametrize("reason", Reason)
def test_a_short_reason_has_the_complete_one_as_a_tooltip(
    phone: DeviceSession, carol: Client, reason: Reason
) -> None:
    DeviceSession.objects.filter(pk=phone.pk).revoke(reason)
    page = carol.get(SESSIONS, {"status": "revoked"}).content.decode()
    assert f'<abbr class="status revoked" title="{reason.label}, ' in page
    page = carol.get(f"{SESSIONS}{phone.pk}/change/").content.decode()
    assert f"revoked: {reason.label}" in page
