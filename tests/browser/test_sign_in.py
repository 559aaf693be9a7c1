"""A person signs in, in a real browser."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Person
from tests.support.site import PASSWORD

pytestmark = pytest.mark.browser


def test_a_wrong_password_is_refused_and_the_page_says_where(person: Person) -> None:
    page = person.sign_in(password="eight wet otters")
    summary = page.get_by_role("alert")
    expect(summary).to_be_focused()
    expect(page).to_have_title("Error: Sign in – Latchkey")
    summary.get_by_role("link").click()
    field = page.get_by_label("User name or e-mail address")
    expect(field).to_be_focused()
    expect(field).to_have_value("alice")
    expect(field).to_have_attribute("aria-invalid", "true")
    assert not person.is_signed_in()


def test_a_right_one_leads_where_one_was_going(person: Person) -> None:
    person.go("/accounts/email/change/")
    page = person.sign_in()
    expect(page).to_have_url(f"{person.site.url}/accounts/email/change/")
    expect(page.get_by_role("navigation")).to_contain_text("Sign out")


def test_it_works_by_keyboard_alone(person: Person) -> None:
    page = person.go("/accounts/login/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("alice")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Welcome, alice")


def test_a_password_is_shown_while_it_is_wanted(person: Person) -> None:
    page = person.go("/accounts/login/")
    field = page.get_by_label("Password", exact=True)
    button = page.get_by_role("button", name="Show the password")
    field.fill("seven")
    expect(field).to_have_attribute("type", "password")
    button.click()
    expect(field).to_have_attribute("type", "text")
    expect(button).to_have_attribute("aria-pressed", "true")
    button.click()
    expect(field).to_have_attribute("type", "password")


@pytest.mark.parametrize("remember", [False, True])
def test_a_closed_browser_remembers_only_if_it_was_asked_to(
    person: Person, *, remember: bool
) -> None:
    page = person.go("/accounts/login/")
    page.get_by_label("Stay signed in on this device").set_checked(remember)
    person.sign_in()
    assert person.is_signed_in()
    # What a browser forgets when it is closed are the cookies without a date.
    forgotten = [one["name"] for one in person.context.cookies() if one["expires"] == -1]
    for name in forgotten:
        person.context.clear_cookies(name=name)
    assert person.is_signed_in() is remember


def test_signing_out_is_seen_and_the_back_button_shows_nothing(person: Person) -> None:
    person.sign_in()
    page = person.go("/accounts/")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You are signed out")
    page.go_back()
    expect(page).to_have_url(f"{person.site.url}/accounts/login/?next=/accounts/")


@pytest.mark.trap(31)
def test_a_cookie_of_another_program_that_cannot_be_read_keeps_nobody_out(person: Person) -> None:
    """It has a byte beyond ASCII."""
    page = person.go("/accounts/login/")
    page.evaluate("document.cookie = 'city=München; path=/'")
    person.sign_in("alice")
    expect(page.get_by_role("heading", name="Welcome, alice")).to_be_visible()
