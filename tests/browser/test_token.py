"""The page about access tokens verifies them in the browser, and sends none of them."""

from datetime import UTC, datetime

import jwt
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Person
from tests.support.site import Site

pytestmark = pytest.mark.browser


@pytest.fixture
def sent(person: Person) -> list[str]:
    """The URLs and bodies of all requests of the page."""
    requests: list[str] = []
    person.page.on(
        "request", lambda request: requests.append(f"{request.url} {request.post_data or ''}")
    )
    return requests


def test_a_changed_character_makes_the_signature_invalid(person: Person, sent: list[str]) -> None:
    page = person.go("/tokens/")
    result = page.locator("#result")
    expect(result).to_have_attribute("data-outcome", "valid")
    restore = page.get_by_role("button", name="Restore the token")
    expect(restore).to_be_disabled()
    page.get_by_role("button", name="Change one character").click()
    expect(result).to_have_attribute("data-outcome", "invalid")
    expect(page.locator("mark")).to_have_count(1)
    restore.click()
    expect(result).to_have_attribute("data-outcome", "valid")
    expect(restore).to_be_disabled()
    expect(page.get_by_role("button", name="Change one character")).to_be_focused()
    assert page.locator("#countdown").inner_text().startswith("The token expires in ")
    token = page.locator("#token").inner_text()
    assert not [request for request in sent if any(part in request for part in token.split("."))]


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [("access", "valid"), ("refresh", "refresh"), ("text", "malformed"), ("null", "malformed")],
)
def test_a_pasted_token_is_verified_and_not_sent(
    site: Site, person: Person, sent: list[str], kind: str, outcome: str
) -> None:
    pair = site.login("bob")
    null = "eyJhbGciOiJIUzI1NiJ9.bnVsbA.AAAA"  # Its claims are `null`.
    text = {**pair, "null": null}.get(kind, "not a token")
    page = person.go("/tokens/")
    page.get_by_label("Paste a token of this site").fill(text)
    expect(page.locator("#pasted-result")).to_have_attribute("data-outcome", outcome)
    if kind == "access":
        expect(page.locator("#pasted-claims")).to_contain_text(pair["session"])
        exp = jwt.decode(text, options={"verify_signature": False})["exp"]
        expires = f"Expires on {datetime.fromtimestamp(exp, UTC):%-d %B %Y, %H:%M} UTC."
        expect(page.locator("#pasted-times")).to_contain_text(expires)
    else:
        expect(page.locator("#pasted-times")).to_be_visible(visible=kind == "refresh")
    page.wait_for_timeout(500)
    assert not [request for request in sent if text[:20] in request]
    assert (
        page.evaluate("Object.keys(localStorage).length + Object.keys(sessionStorage).length") == 0
    )


def test_a_signed_in_person_sees_their_own_token(person: Person) -> None:
    person.sign_in()
    page = person.go("/tokens/")
    expect(page.locator("#result")).to_have_attribute("data-outcome", "valid")
    expect(page.get_by_text("This is a new access token of your account.")).to_be_visible()
