"""A person signs in and out in a real browser."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Person
from tests.support.site import PASSWORD

pytestmark = pytest.mark.browser


def test_a_wrong_password_shows_an_error_that_links_the_field(person: Person) -> None:
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


def test_signing_in_returns_to_the_requested_page(person: Person) -> None:
    person.go("/accounts/email/change/")
    page = person.sign_in()
    expect(page).to_have_url(f"{person.site.url}/accounts/email/change/")
    expect(page.get_by_role("navigation")).to_contain_text("Sign out")


def test_signing_in_works_with_the_keyboard_alone(person: Person) -> None:
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


def test_the_button_shows_and_hides_the_password(person: Person) -> None:
    page = person.go("/accounts/login/")
    field = page.get_by_label("Password", exact=True)
    show, hide = (
        page.get_by_role("button", name=f"{does} the password") for does in ("Show", "Hide")
    )
    field.fill("seven")
    expect(field).to_have_attribute("type", "password")
    show.click()
    expect(field).to_have_attribute("type", "text")
    hide.click()
    expect(field).to_have_attribute("type", "password")
    expect(show).to_be_focused()


@pytest.mark.parametrize("remember", [False, True])
def test_only_remember_me_outlives_closing_the_browser(person: Person, *, remember: bool) -> None:
    page = person.go("/accounts/login/")
    page.get_by_label("Stay signed in on this device").set_checked(remember)
    person.sign_in()
    assert person.is_signed_in()
    # Closing a browser deletes the cookies without an expiry date.
    session_cookies = [one["name"] for one in person.context.cookies() if one["expires"] == -1]
    for name in session_cookies:
        person.context.clear_cookies(name=name)
    assert person.is_signed_in() is remember


def test_after_signing_out_the_back_button_shows_no_page(person: Person) -> None:
    person.sign_in()
    page = person.go("/accounts/")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You are signed out")
    page.go_back()
    expect(page).to_have_url(f"{person.site.url}/accounts/login/?next=/accounts/")


@pytest.mark.trap(31)
def test_an_undecodable_cookie_does_not_prevent_signing_in(person: Person) -> None:
    """Another program on the host set the cookie, which has a byte beyond ASCII."""
    page = person.go("/accounts/login/")
    page.evaluate("document.cookie = 'city=München; path=/'")
    person.sign_in("alice")
    expect(page.get_by_role("heading", name="Welcome, alice")).to_be_visible()
