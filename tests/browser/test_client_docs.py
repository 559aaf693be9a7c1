"""On the page of the API documentation, “Try it out” sends calls as the signed-in user."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import Person
from tests.support.site import PASSWORD

pytestmark = pytest.mark.browser


def sign_in(page: Page, password: str = PASSWORD) -> None:
    page.get_by_label("User name or e-mail address").fill("alice")
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_label("Session").get_by_role("button", name="Sign in").click()


def expect_status(page: Page, operation: str, status: str, body: str = "") -> None:
    """Send the operation's example, or this body, and expect this status in the page."""
    row = page.locator(f"#operations-{operation}")
    if "is-open" not in str(row.get_attribute("class")):
        row.get_by_role("button").first.click()
        row.get_by_role("button", name="Try it out").click()
    if body:
        row.locator("textarea").fill(body)
    row.get_by_role("button", name="Execute").click()
    shown = row.locator(".live-responses-table tbody .response-col_status").first
    expect(shown).to_contain_text(status)


def test_calls_are_sent_as_the_signed_in_user(person: Person) -> None:
    """A read and a write, which needs a CSRF token. The access token expires before the write."""
    page = person.go("/api/docs/")
    sign_in(page)
    expect(page.get_by_text("sends the calls as alice")).to_be_visible()
    expect_status(page, "sessions-listSessions", "200")
    page.wait_for_timeout(10_500)  # A new refresh token is not spent for ten seconds.
    person.context.clear_cookies(name="access")
    expect_status(page, "account-changeAccount", "200", '{"first_name": "Alice"}')
    page.get_by_label("Session").get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Password", exact=True)).to_be_visible()
    expect_status(page, "sessions-listSessions", "401")


def test_the_documentation_follows_other_tabs(person: Person) -> None:
    page, other = person.go("/api/docs/"), person.context.new_page()
    other.goto(f"{person.site.url}/api/docs/")
    sign_in(page, "eight wet otters")
    expect(page.get_by_role("alert")).to_contain_text("No active account")
    sign_in(page)
    for tab in (page, other):
        expect(tab.get_by_text("sends the calls as alice")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_form_of_the_documentation_is_accessible(person: Person, scheme: str) -> None:
    person.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page = person.go("/api/docs/")
    for signs_in in (False, True):
        if signs_in:
            sign_in(page)
        page.wait_for_load_state("networkidle")
        complaints = len(person.complaints)
        found = Axe().run(page, context=".session").response["violations"]
        del person.complaints[complaints:]  # The content security policy also stops parts of axe.
        assert [one["help"] for one in found] == []
    expect(page.get_by_text("sends the calls as alice")).to_be_visible()
