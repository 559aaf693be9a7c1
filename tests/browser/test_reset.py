"""A person resets a forgotten password by a mailed link, in a real browser."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Person

pytestmark = pytest.mark.browser

NEW_PASSWORD = "nine dry badgers"


def test_a_mailed_link_resets_the_password(person: Person, other: Person) -> None:
    other.sign_in()
    page = person.go("/accounts/login/")
    page.get_by_role("main").get_by_role("link", name="Forgotten your password?").click()
    page.get_by_label("E-mail address of your account").fill("alice@example.org")
    page.get_by_role("button", name="Send the link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Check your email")

    mail = person.site.mail_to("alice@example.org")
    text, letter = (part.get_content() for part in mail.iter_parts())
    (link,) = re.findall(r"^http\S+$", text, re.MULTILINE)
    page = person.context.new_page()
    page.set_content(letter)
    page.get_by_role("link", name="Choose a password").click()
    expect(page).to_have_url(link)

    page.get_by_label("New password").fill("short")
    page.get_by_role("button", name="Set the password").click()
    expect(page.get_by_role("alert")).to_contain_text("too short")
    page.get_by_label("New password").fill(NEW_PASSWORD)
    page.get_by_role("button", name="Set the password").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your password is set")
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your password is set")
    assert not other.is_signed_in()

    person.sign_in(password=NEW_PASSWORD)
    expect(person.page.get_by_role("heading", level=1)).to_have_text("Welcome, alice")
    page.goto(link)
    expect(page.get_by_role("alert")).to_contain_text("This link is invalid or was used already.")
