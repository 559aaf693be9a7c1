"""A person signs out other devices in a real browser."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Person
from tests.support.site import PASSWORD, Site

pytestmark = pytest.mark.browser

AN_HOUR_AGO = """
from datetime import timedelta
from django.db.models import F
from tokens.models import DeviceSession
DeviceSession.objects.update(auth_time=F("auth_time") - timedelta(hours=1))
"""


@pytest.mark.spec("ASVS 5.0", "7.4.1", "7.5.2")
def test_the_button_signs_out_the_other_device(person: Person, other: Person) -> None:
    other.sign_in()
    expect(other.page.get_by_role("heading", level=1)).to_have_text("Welcome, alice")
    person.sign_in()
    page = person.go("/accounts/devices/")
    expect(page.get_by_text("This device", exact=True)).to_have_count(1)
    page.get_by_role("button", name=re.compile(r"Sign out \(")).first.click()
    expect(page.get_by_role("status")).to_contain_text("is signed out.")
    assert not other.is_signed_in()
    assert person.is_signed_in()


def test_after_an_hour_signing_out_others_needs_the_password(person: Person, other: Person) -> None:
    other.sign_in("bob")
    expect(other.page.get_by_role("heading", level=1)).to_have_text("Welcome, bob")
    person.sign_in("bob")
    expect(person.page.get_by_role("heading", level=1)).to_have_text("Welcome, bob")
    person.site.run(AN_HOUR_AGO)
    page = person.go("/accounts/devices/")
    page.get_by_role("button", name="Sign out all other devices").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign out all other devices?")
    field = page.get_by_label("Your current password")
    field.fill("eight wet otters")
    field.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("This is not the current password.")
    assert other.is_signed_in()
    field.fill(PASSWORD)
    field.press("Enter")
    expect(page.get_by_text("No other device is signed in.")).to_be_visible()
    assert not other.is_signed_in()
    assert person.is_signed_in()


def test_every_button_says_which_device_it_signs_out(person: Person, site: Site) -> None:
    for device in ("toaster", "kettle"):
        site.login("alice", device)
    person.sign_in()
    page = person.go("/accounts/devices/")
    for device in ("toaster", "kettle"):
        button = page.get_by_role("button", name=f"Sign out ({device})", exact=True)
        assert (button.bounding_box() or {"width": 0})["width"] < 150
        button.click()
        expect(page.get_by_role("status")).to_contain_text(f"{device} is signed out.")
