"""The devices page: people see where they are signed in, and sign out devices."""

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from tests.conftest import API, PASSWORD, Answer, Clock, row
from tests.support.people import IPHONE, Person, newest, signed_in
from tokens.models import DeviceSession, Reason

pytestmark = pytest.mark.django_db

LONG = {"minutes": 10, "seconds": 1}


def end(person: Person, session: DeviceSession, **fields: str) -> Answer:
    return person.post(f"devices/{session.sid}/end/", **fields)


@pytest.mark.spec("ASVS 5.0", "7.5.2")
def test_the_page_lists_active_sessions_with_this_one_first(
    api: API, alice: User, bob: User
) -> None:
    person = signed_in(alice)
    api.login(alice, "Alice’s phone")
    signed_in(alice, IPHONE)
    ended = api.login(alice, "old tablet")
    api.post("logout/", {"refresh": ended["refresh"]})
    api.login(bob, "toaster")
    page = person.get("devices/")
    shown = [(device.name, device.here, device.kind) for device in page.context["devices"]]
    assert shown == [
        ("Firefox on Linux", True, "Browser"),
        ("Safari on iPhone", False, "Browser"),
        ("Alice’s phone", False, "App or program"),
    ]
    assert page.text.count("This device</span>") == 1
    assert page.text.count("127.0.0.1") == 3
    assert "toaster" not in page.text


def test_the_last_use_is_shown_as_a_day_without_the_time(
    api: API, alice: User, clock: Clock
) -> None:
    phone = api.login(alice, "phone")
    clock.forward(minutes=10)
    api.rotated(phone["refresh"])
    page = signed_in(alice).get("devices/").text
    day = row(phone).rotated_at
    assert f"Last used on {day:%-d %B %Y}</p>" in page
    assert f"Signed in on {row(phone).created_at:%-d %B %Y, %H:%M} UTC</p>" in page


def test_the_name_of_a_device_is_escaped(api: API, alice: User) -> None:
    api.login(alice, "<script>alert(1)</script>")
    assert "<script>alert" not in signed_in(alice).get("devices/").text


def test_a_device_name_cannot_change_the_text_direction(api: API, alice: User) -> None:
    for label in ("\u202eenohp", "הטלפון 5"):
        phone, person = api.login(alice, label), signed_in(alice)
        path = f"devices/{phone['session']}/end/"
        pages = [person.get("devices/"), person.get(path)]
        assert person.post(path).status_code == 302
        pages.append(person.get("devices/"))
        shown = "".join(page.text for page in pages)
        assert "\u202e" not in shown
        assert shown.count("\u2068הטלפון 5\u2069") == shown.count("הטלפון 5")
    assert "\u2068הטלפון 5\u2069 is signed out." in shown


@pytest.mark.spec("ASVS 5.0", "7.5.2", "10.4.9")
def test_a_recent_sign_in_can_sign_out_a_device_directly(api: API, alice: User) -> None:
    phone, laptop, person = api.login(alice, "phone"), api.login(alice), signed_in(alice)
    answer = person.post(f"devices/{phone['session']}/end/")
    assert (answer.status_code, answer["Location"]) == (302, "/accounts/devices/")
    assert "phone is signed out." in person.get("devices/").text
    assert row(phone).revoked_reason == Reason.LOGOUT
    assert api.refresh(phone["refresh"]).status_code == 401
    api.rotated(laptop["refresh"])
    assert person.is_signed_in


def test_another_browser_can_be_signed_out(alice: User) -> None:
    lost = signed_in(alice, IPHONE)
    session = newest(alice)
    person = signed_in(alice)
    end(person, session)
    assert not lost.is_signed_in
    assert person.is_signed_in


def test_one_button_signs_out_all_other_devices(api: API, alice: User, bob: User) -> None:
    phone, other = api.login(alice), api.login(bob)
    lost, person = signed_in(alice, IPHONE), signed_in(alice)
    assert person.post("devices/others/end/")["Location"] == "/accounts/devices/"
    page = person.get("devices/").text
    assert "Signed out: 2. This device stays signed in." in page
    assert "No other device is signed in." in page
    assert row(phone).revoked_reason == Reason.LOGOUT_ALL
    assert not lost.is_signed_in
    api.rotated(other["refresh"])


@pytest.mark.spec("ASVS 5.0", "7.5.2")
@pytest.mark.parametrize("which", ["one", "others"])
def test_after_ten_minutes_signing_out_needs_the_password(
    api: API, alice: User, clock: Clock, which: str
) -> None:
    """Guards `is_recent`."""
    phone, person = api.login(alice), signed_in(alice)
    path = f"devices/{phone['session'] if which == 'one' else 'others'}/end/"
    clock.forward(**LONG)
    question = person.post(path)
    assert (question.status_code, question.context["form"].errors) == (200, {})
    assert "Type your password" in question.text
    wrong = person.post(path, current_password="eight wet otters")
    assert wrong.status_code == 400
    assert "This is not the current password." in wrong.text
    assert person.post(path, current_password="").status_code == 400
    assert row(phone).revoked_at is None
    assert person.post(path, current_password=PASSWORD).status_code == 302
    assert row(phone).revoked_at is not None
    assert person.is_signed_in


def test_a_typed_password_is_valid_for_ten_minutes(api: API, alice: User, clock: Clock) -> None:
    phone, laptop, person = api.login(alice), api.login(alice), signed_in(alice)
    before = newest(alice)
    clock.forward(**LONG)
    person.post(f"devices/{phone['session']}/end/", current_password=PASSWORD)
    assert person.post(f"devices/{laptop['session']}/end/").status_code == 302
    assert row(laptop).revoked_at is not None
    before.refresh_from_db()
    assert before.revoked_reason == Reason.LOGOUT


def test_typing_the_password_keeps_a_remembered_browser(
    api: API, alice: User, clock: Clock
) -> None:
    phone, person = api.login(alice), Person()
    person.sign_in(remember="on")
    clock.forward(**LONG)
    person.post(f"devices/{phone['session']}/end/", current_password=PASSWORD)
    clock.forward(days=3)
    assert person.is_signed_in


@pytest.mark.usefixtures("fresh_counters")
def test_guesses_of_the_current_password_are_throttled(
    api: API, alice: User, clock: Clock, settings: Settings
) -> None:
    settings.TOKENS = {**settings.TOKENS, "THROTTLES": {"current_password": "2 per minute"}}
    phone, person = api.login(alice), signed_in(alice)
    clock.forward(**LONG)
    path = f"devices/{phone['session']}/end/"
    codes = [person.post(path, current_password="wrong").status_code for _ in range(2)]
    assert codes == [400, 400]
    assert person.post(path, current_password=PASSWORD).status_code == 429
    assert row(phone).revoked_at is None


def test_opening_the_confirmation_page_revokes_nothing(api: API, alice: User) -> None:
    phone, person = api.login(alice, "phone"), signed_in(alice)
    page = person.get(f"devices/{phone['session']}/end/")
    assert page.status_code == 200
    assert "Sign out phone?" in page.text
    others = person.get("devices/others/end/")
    assert others.status_code == 200
    assert '<button class="danger">Sign out all other devices</button>' in others.text
    assert row(phone).revoked_at is None


@pytest.mark.spec("ASVS 5.0", "8.2.2")
def test_the_devices_of_other_users_answer_404(api: API, alice: User, bob: User) -> None:
    theirs, person = api.login(bob), signed_in(alice)
    for sid in (theirs["session"], "6f1c5d1e-0000-4000-8000-000000000000"):
        for answer in (person.get(f"devices/{sid}/end/"), person.post(f"devices/{sid}/end/")):
            assert answer.status_code == 404
    assert row(theirs).revoked_at is None


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_device_that_was_signed_out_before_leads_to_the_list(
    api: API, alice: User, method: str
) -> None:
    """Two tabs show the list, and the person signs out the same device in both."""
    phone, person = api.login(alice, "phone"), signed_in(alice)
    api.post("logout/", {"refresh": phone["refresh"]})
    answer = getattr(person, method)(f"devices/{phone['session']}/end/")
    assert (answer.status_code, answer["Location"]) == (302, "/accounts/devices/")
    assert "phone was signed out before." in person.get("devices/").text
    assert row(phone).revoked_reason == Reason.LOGOUT


def test_revoking_the_own_session_signs_out(alice: User) -> None:
    person = signed_in(alice)
    end(person, newest(alice))
    assert not person.is_signed_in


@pytest.mark.spec("ASVS 5.0", "3.5.1")
def test_signing_out_a_device_needs_a_csrf_token(api: API, alice: User) -> None:
    phone, person = api.login(alice), Person(Client(enforce_csrf_checks=True))
    person.client.force_login(alice)
    for path in (f"devices/{phone['session']}/end/", "devices/others/end/"):
        assert person.post(path).status_code == 403
    assert row(phone).revoked_at is None


@pytest.mark.parametrize("wait", [{}, LONG], ids=["recent sign-in", "with the password"])
def test_signing_out_this_device_leads_to_the_sign_out_page(
    alice: User, clock: Clock, wait: dict[str, float]
) -> None:
    person = signed_in(alice)
    session = newest(alice)
    clock.forward(**wait)
    answer = person.post(f"devices/{session.sid}/end/", current_password=PASSWORD)
    assert (answer.status_code, answer["Location"]) == (302, "/accounts/logout/")
    assert answer["Clear-Site-Data"] == '"cache", "storage"'
    assert not person.is_signed_in
    assert not DeviceSession.objects.filter(revoked_at=None).exists()
