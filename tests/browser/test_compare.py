"""The comparison in Chromium: its cards appear one by one, and its words agree with the browser."""

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from project.compare.claims import CLAIMS
from tests.browser.conftest import Person
from tests.browser.test_forgery import HOSTS
from tests.support.origin import origin
from tests.support.site import Site

pytestmark = pytest.mark.browser
RUN = 60_000  # milliseconds that a run may take on a busy machine
SMALL: ViewportSize = {"width": 360, "height": 800}
#: Signs in with the cookie transport.
SIGN_IN = """async ([username, password]) => {
  const { csrfToken } = await (await fetch("/api/auth/csrf/")).json();
  const headers = { "Content-Type": "application/json", "X-CSRFToken": csrfToken };
  const body = JSON.stringify({ username, password, transport: "cookie" });
  return (await fetch("/api/auth/login/", { method: "POST", headers, body })).status;
}"""
#: Signs out the other devices, from another origin, with all cookies that the browser attaches.
ATTACK = """async (site) => {
  for (const path of ["/api/auth/logout/others/", "/accounts/devices/others/end/"]) {
    const forged = fetch(site + path, { method: "POST", mode: "no-cors", credentials: "include" });
    await forged.catch(() => 0);
  }
}"""
BLANK = '<!doctype html><html lang="en"><title>Win a prize</title><link rel="icon" href="data:,">'


@pytest.fixture(scope="module")
def cards(site: Site, browser: Browser) -> Iterator[Page]:
    """The page after a run, on a small screen without scripts."""
    with browser.new_context(java_script_enabled=False, viewport=SMALL) as context:
        page = context.new_page()
        page.goto(f"{site.url}/compare/", timeout=RUN)
        yield page


def results(cards: Page, row: str) -> list[str]:
    return cards.locator(f"#{row} th + td").all_inner_texts()


def test_the_cards_appear_before_the_run_ends(person: Person) -> None:
    page = person.page
    page.goto(f"{person.site.url}/compare/", wait_until="commit")
    page.locator(".claim").first.wait_for(timeout=RUN)
    assert page.locator("#measured").count() == 0
    expect(page.locator(".measuring")).to_be_visible()
    page.locator("#measured").wait_for(timeout=RUN)
    expect(page.locator(".measuring")).to_be_hidden()
    assert page.locator(".claim").count() == len(CLAIMS)


def test_the_page_needs_no_script_and_no_colour(cards: Page) -> None:
    assert cards.locator(".claim table").count() == len(CLAIMS)
    assert cards.locator(".claim:has(.chart)").count() > 10
    for row in ("bytes_per_request", "server_ms"):
        card = cards.locator(f"#{row}")
        assert card.locator(".chart").count() == 3
        assert [card.inner_text().count(result) for result in results(cards, row)] == [1, 1, 1]
    width = cards.locator("html").bounding_box()
    assert width
    assert width["width"] <= SMALL["width"]


def test_a_script_reads_what_the_page_says(cards: Page, person: Person) -> None:
    page = person.sign_in()
    assert page.evaluate(SIGN_IN, ["alice", "seven wet otters"]) == 200
    stored = {cookie.get("name", "") for cookie in person.context.cookies()}
    assert {"sessionid", "access", "refresh"} <= stored
    assert page.evaluate("document.cookie") == ""
    assert results(cards, "readable_by_script") == ["no", "yes", "no"]


@pytest.mark.parametrize("host", HOSTS.values(), ids=HOSTS)
def test_another_origin_does_what_the_page_says(
    cards: Page, site: Site, other: Person, host: str
) -> None:
    page = other.sign_in()
    assert page.evaluate(SIGN_IN, ["alice", "seven wet otters"]) == 200
    phone = {"Authorization": f"Bearer {site.login('alice')['access']}"}
    with origin(host, 0, {"": BLANK}) as url:
        page.goto(url)
        page.evaluate(ATTACK, site.url)
    assert httpx.get(f"{site.url}/api/auth/sessions/", headers=phone).status_code == 200
    for row in ("foreign_origin", "foreign_site"):
        assert results(cards, row) == ["refused", "refused", "refused"]


def test_a_second_visitor_waits(site: Site, other: Person) -> None:
    with httpx.stream("GET", f"{site.url}/compare/", timeout=60) as first:
        next(first.iter_raw())
        answer = other.page.goto(f"{site.url}/compare/")
        assert answer
        assert answer.status == 429
        assert int(answer.headers["retry-after"]) > 0
        expect(other.page.get_by_role("heading", level=1)).to_have_text("Try again in a moment")
