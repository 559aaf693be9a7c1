"""What pages look like, where no other promise says it: schemes, the admin's dress, even tiles."""

from typing import Literal

import pytest
from playwright.sync_api import Locator, ViewportSize, expect

from tests.browser.conftest import Person

pytestmark = pytest.mark.browser

WIDE: ViewportSize = {"width": 1440, "height": 900}
GROUND = "element => getComputedStyle(element).backgroundColor"
GREEN, DARK_GREEN = "rgb(11, 107, 93)", "rgb(8, 79, 69)"
SCHEMES: dict[Literal["dark", "light"], str] = {
    "dark": "rgb(28, 32, 34)",
    "light": "rgba(0, 0, 0, 0)",
}


def tops(elements: Locator) -> list[int]:
    """Return how far each stands from the top."""
    boxes = [element.bounding_box() for element in elements.all()]
    return [round(box["y"]) for box in boxes if box]


def test_another_scheme_is_there_at_once(person: Person) -> None:
    page = person.go("/accounts/login/")
    button = page.get_by_role("main").get_by_role("button", name="Sign in")
    assert button.evaluate(GROUND) == GREEN
    page.emulate_media(color_scheme="dark")
    assert button.evaluate(GROUND) != GREEN
    assert page.evaluate("document.getAnimations().length") == 0


def test_the_documents_of_the_api_follow_the_scheme(person: Person) -> None:
    page = person.go("/api/docs/")
    page.locator(".swagger-ui").first.wait_for()
    for scheme, ground in SCHEMES.items():
        page.emulate_media(color_scheme=scheme)
        expect(page.locator("html")).to_have_css("background-color", ground)


def test_the_admin_is_dressed_in_our_green_in_both_schemes(person: Person) -> None:
    person.sign_in("admin")
    page = person.go("/admin/tokens/signingkey/")
    button = page.get_by_role("button", name="Replace all keys now")
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        assert page.locator(".breadcrumbs").evaluate(GROUND) == DARK_GREEN
        expect(button).to_have_css("background-color", GREEN)
        expect(page.locator("#site-name a")).to_have_css("color", "rgb(255, 255, 255)")


@pytest.mark.parametrize(("name", "rows"), [("alice", [3]), ("admin", [2, 2])])
def test_the_tiles_of_the_first_page_stand_in_even_rows(
    person: Person, name: str, rows: list[int]
) -> None:
    person.page.set_viewport_size(WIDE)
    person.sign_in(name)
    found = tops(person.page.locator(".cards > li"))
    assert [found.count(top) for top in sorted({*found})] == rows


def test_a_question_without_fields_has_no_empty_strip(person: Person) -> None:
    person.sign_in()
    page = person.go("/accounts/devices/others/end/")
    panel, actions = tops(page.locator(".panel, .panel .actions"))
    assert actions - panel == 25  # the padding and the border of the panel
    expect(page.get_by_role("link", name="Leave them signed in")).to_be_visible()
