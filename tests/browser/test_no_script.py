"""People can sign in, sign out devices and change the password without JavaScript."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import Person
from tests.support.site import PASSWORD, Site

pytestmark = pytest.mark.browser

NEW_PASSWORD = "nine dry badgers"


@pytest.fixture
def plain(site: Site, browser: Browser) -> Iterator[Person]:
    """A person whose browser runs no scripts."""
    with browser.new_context(java_script_enabled=False) as context:
        person = Person(site, context)
        yield person
        assert person.complaints == []


def test_every_task_works_without_javascript(plain: Person, other: Person) -> None:
    other.sign_in()
    refused = plain.sign_in(password="eight wet otters")
    expect(refused.get_by_role("alert")).to_contain_text("No active account")
    page = plain.sign_in()
    expect(page.get_by_role("heading", level=1)).to_have_text("Welcome, alice")

    page = plain.go("/accounts/devices/")
    page.get_by_role("button", name="Sign out all other devices").click()
    expect(page.get_by_role("status")).to_contain_text("Signed out: 1.")
    assert not other.is_signed_in()

    page = plain.go("/accounts/password/change/")
    page.get_by_label("Your current password").fill(PASSWORD)
    page.get_by_label("New password").fill(NEW_PASSWORD)
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_role("status")).to_contain_text("The password is changed.")

    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You are signed out")
    page = plain.sign_in(password=NEW_PASSWORD)
    expect(page.get_by_role("heading", level=1)).to_have_text("Welcome, alice")
