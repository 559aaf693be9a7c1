"""The race and the thief are readable at every width, in both colour schemes, without scripts."""

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ViewportSize, expect

from tests.browser.conftest import Person
from tests.support.site import Site

pytestmark = pytest.mark.browser

WIDTHS = [360, 1440]
#: Returns the texts and bars of all charts that are not completely inside their frame.
OUTSIDE = """
() => Array.from(document.querySelectorAll("figure"), (figure) => {
  const frame = figure.getBoundingClientRect();
  return Array.from(figure.querySelectorAll("text, rect, line"), (part) => {
    const box = part.getBoundingClientRect();
    const inside = box.left >= frame.left && box.right <= frame.right
      && box.top >= frame.top && box.bottom <= frame.bottom;
    return inside ? null : part.outerHTML;
  });
}).flat().filter(Boolean)
"""
#: Returns the answers in charts that a bar covers.
COVERED = """
() => Array.from(document.querySelectorAll("svg"), (chart) => {
  const bars = Array.from(chart.querySelectorAll("rect"), (bar) => bar.getBoundingClientRect());
  const end = Math.max(...bars.map((box) => box.right));
  const texts = chart.querySelectorAll("text.wrote, text.again, text.refused");
  return Array.from(texts, (text) => text.getBoundingClientRect().left <= end);
}).flat().filter(Boolean).length
"""
OPEN_ALL = "document.querySelectorAll('details').forEach((one) => { one.open = true; })"


@pytest.fixture(params=[(scheme, width) for scheme in ("light", "dark") for width in WIDTHS])
def visitor(request: pytest.FixtureRequest, site: Site, browser: Browser) -> Iterator[Person]:
    """A visitor with this colour scheme and width."""
    scheme, width = request.param
    size = ViewportSize(width=width, height=800)
    with browser.new_context(color_scheme=scheme, viewport=size) as context:
        person = Person(site, context)
        yield person
        assert person.complaints == []


@pytest.mark.parametrize("path", ["/compare/race/", "/compare/theft/"])
def test_an_open_page_has_no_problems(visitor: Person, path: str) -> None:
    page = visitor.go(path)
    page.evaluate(OPEN_ALL)
    width = page.viewport_size["width"] if page.viewport_size else 0
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(OUTSIDE) == []
    assert page.evaluate(COVERED) == 0
    complaints = len(visitor.complaints)
    violations = Axe().run(page).response["violations"]
    del visitor.complaints[complaints:]  # The content security policy also stops parts of axe.
    assert [one["id"] for one in violations if one["impact"] in ("serious", "critical")] == []


def test_bars_differ_without_colour(visitor: Person) -> None:
    page = visitor.go("/compare/race/")
    style = "(bar) => [getComputedStyle(bar).fill, getComputedStyle(bar).strokeDasharray]"
    wrote, again, refused = (
        page.locator(f"rect.{kind}").first.evaluate(style) for kind in ("wrote", "again", "refused")
    )
    assert again == ["none", "none"]
    assert wrote[0] != "none"
    assert refused[0] == "none"
    assert refused[1] != "none"
    assert page.locator("#without_key ~ figure rect.wrote").count() == 1


def test_run_again_and_the_links_work_without_scripts(site: Site, browser: Browser) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = Person(site, context).go("/compare/race/")
        expect(page.get_by_text("1 successor", exact=True)).to_be_visible()
        first = page.locator("table").first.text_content()
        page.get_by_role("link", name="Run again", exact=True).click()
        page.get_by_text("The numbers of this chart").first.click()
        expect(page.get_by_role("row")).to_have_count(13)
        assert page.locator("table").first.text_content() != first
        page.get_by_role("link", name="Owner and thief of one token").click()
        expect(page.get_by_role("heading", level=2)).to_have_count(4)
        page.get_by_text("The request").first.click()
        expect(page.get_by_text("Idempotency-Key: ").first).to_be_visible()
        page.get_by_role("link", name="JSON").click()
        expect(page.get_by_text('"with_key"')).to_be_visible()
