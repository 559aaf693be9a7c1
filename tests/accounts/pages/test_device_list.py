"""The list of devices groups similar sessions, and has pages of twenty entries."""

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from tests.conftest import API, PASSWORD, Answer, Clock, row
from tests.support.people import FIREFOX, IPHONE, newest, signed_in
from tokens.models import DeviceSession, Reason

pytestmark = pytest.mark.django_db

PATH = "devices/"


def fill(user: User, count: int) -> None:
    """Add active sessions with different names, the last one newest."""
    now = timezone.now()
    moments = dict.fromkeys(("rotated_at", "auth_time"), now)
    ends = dict.fromkeys(("idle_expires_at", "expires_at"), now + timedelta(days=1))
    DeviceSession.objects.bulk_create(
        DeviceSession(
            user=user,
            sid=uuid4(),
            device=f"phone {number}",
            created_at=now - timedelta(days=count - number),
            secret_hash=b"h",
            nonce=b"n",
            credential_tag=b"t",
            **moments,
            **ends,
        )
        for number in range(count)
    )


def names(answer: Answer) -> list[str]:
    return [device.name.strip("\u2068\u2069") for device in answer.context["devices"]]


def test_similar_sessions_are_one_entry(api: API, alice: User) -> None:
    api.login(alice, "laptop")
    for _ in range(3):
        signed_in(alice, IPHONE)
    person = signed_in(alice)
    page = person.get(PATH)
    assert names(page) == ["Firefox on Linux", "Safari on iPhone", "laptop"]
    assert [len(device.similar) for device in page.context["devices"]] == [0, 2, 0]
    assert "2 older sign-ins like this" in page.text
    assert page.text.count("/end/") == 5  # each session has a button, and there is one for all


@pytest.mark.parametrize("difference", ["label", "browser", "network"])
def test_sessions_that_differ_are_separate_entries(api: API, alice: User, difference: str) -> None:
    api.client.defaults["HTTP_USER_AGENT"] = IPHONE
    api.login(alice, "phone")
    if difference == "browser":
        api.client.defaults["HTTP_USER_AGENT"] = "Program/1.0"
    if difference == "network":
        api.client.defaults["REMOTE_ADDR"] = "192.0.2.7"
    api.login(alice, "tablet" if difference == "label" else "phone")
    assert len(names(signed_in(alice).get(PATH))) == 3


def test_this_browser_is_never_grouped(alice: User) -> None:
    signed_in(alice)
    page = signed_in(alice).get(PATH)
    assert names(page) == ["Firefox on Linux"] * 2
    assert [device.here for device in page.context["devices"]] == [True, False]


def test_an_older_similar_session_can_be_signed_out(alice: User) -> None:
    lost = signed_in(alice, IPHONE)
    session = newest(alice)
    kept, person = signed_in(alice, IPHONE), signed_in(alice)
    page = person.get(PATH).text
    assert f"/accounts/devices/{session.sid}/end/" in page
    assert person.post(f"devices/{session.sid}/end/").status_code == 302
    session.refresh_from_db()
    assert session.revoked_reason == Reason.LOGOUT
    assert kept.is_signed_in
    assert not lost.is_signed_in


def test_a_browser_that_uses_the_api_is_shown_as_a_browser(alice: User) -> None:
    app = API(Client(headers={"User-Agent": FIREFOX}))
    body = {"username": "alice", "password": PASSWORD, "transport": "cookie"}
    assert app.post("login/", body).status_code == 200
    program = API(Client(headers={"User-Agent": "curl/8.5.0"}))
    assert program.post("login/", {**body, "transport": "body"}).status_code == 200
    shown = signed_in(alice, IPHONE).get(PATH).context["devices"]
    kinds = [(device.name, device.kind) for device in shown]
    assert kinds == [
        ("Safari on iPhone", "Browser"),
        ("curl", "App or program"),
        ("Firefox on Linux", "Browser"),
    ]


def test_a_page_has_twenty_entries_the_newest_first(alice: User) -> None:
    fill(alice, 45)
    person = signed_in(alice)
    pages = [person.client.get(f"/accounts/{PATH}?page={number}") for number in (1, 2, 3)]
    expected = ["Firefox on Linux", *(f"phone {number}" for number in range(44, -1, -1))]
    assert [len(names(page)) for page in pages] == [20, 20, 6]
    assert [name for page in pages for name in names(page)] == expected
    assert "Page 1 of 3" in pages[0].text
    assert ("Newer sign-ins" in pages[0].text, "Older sign-ins" in pages[0].text) == (False, True)
    assert ("Newer sign-ins" in pages[2].text, "Older sign-ins" in pages[2].text) == (True, False)
    assert "This device" not in pages[1].text
    assert all("Sign out all other devices" in page.text for page in pages)


@pytest.mark.parametrize("wait", [0, 11], ids=["recent sign-in", "with the password"])
def test_signing_out_returns_to_the_same_page(alice: User, clock: Clock, wait: int) -> None:
    fill(alice, 41)  # With this browser, page 3 has two entries.
    person = signed_in(alice)
    clock.forward(minutes=wait)
    for expected in (3, 2):  # At last page 3 does not exist.
        page = person.get(PATH, page="3").text
        action = re.findall(r'action="/accounts/(devices/[^"]+)"', page)[-1]
        assert 'href="/accounts/devices/?page=3">Cancel' in person.get(action).text
        answer = person.post(action, current_password=PASSWORD)
        shown = person.client.get(answer["Location"])
        assert "is signed out." in shown.text
        assert shown.context["page"].number == expected


@pytest.mark.parametrize("page", ["0", "-1", "99", "x", "\0", "9" * 400])
def test_an_impossible_page_shows_an_existing_one(alice: User, page: str) -> None:
    fill(alice, 25)
    assert signed_in(alice).client.get(f"/accounts/{PATH}", {"page": page}).status_code == 200


def test_the_button_for_all_others_comes_before_the_list(api: API, alice: User) -> None:
    api.login(alice, "phone")
    page = signed_in(alice).get(PATH).text
    assert page.index("Sign out all other devices") < page.index('<ul class="devices">')


def test_each_entry_has_its_address_and_days(api: API, alice: User) -> None:
    phone = row(api.login(alice, "phone"))
    page = signed_in(alice).get(PATH).text
    entry = re.split(r"<h2>", page)[2]
    assert "phone" in entry
    assert "IP address 127.0.0.1" in entry
    assert f"Signed in on {phone.created_at:%-d %B %Y}" in entry
    assert f"Last used on {phone.rotated_at:%-d %B %Y}" in entry
