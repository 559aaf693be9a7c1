"""The appearance of pages: colour schemes, the colours of the admin, and the layout of tiles."""

from typing import Literal

import pytest
from playwright.sync_api import Locator, ViewportSize, expect

from tests.browser.conftest import Person

pytestmark = pytest.mark.browser

WIDE: ViewportSize = {"width": 1440, "height": 900}
SMALL: ViewportSize = {"width": 360, "height": 800}
METHODS = ("get", "post", "put", "patch", "delete", "head", "options")
#: Turns an operation into one of this method, and returns the contrast of the method's name.
CONTRAST = """
(operation, method) => {
  const luminance = (colour) => {
    const [red, green, blue] = colour.match(/[\\d.]+/g).slice(0, 3).map(
      (part) => (part /= 255) <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4,
    );
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  operation.className = `opblock opblock-${method}`;
  const style = getComputedStyle(operation.querySelector(".opblock-summary-method"));
  const pair = [luminance(style.color), luminance(style.backgroundColor)].sort();
  return (pair[1] + 0.05) / (pair[0] + 0.05);
}
"""
GROUND = "element => getComputedStyle(element).backgroundColor"
GREEN, DARK_GREEN = "rgb(11, 107, 93)", "rgb(8, 79, 69)"
SCHEMES: dict[Literal["dark", "light"], str] = {
    "dark": "rgb(28, 32, 34)",
    "light": "rgba(0, 0, 0, 0)",
}


def tops(elements: Locator) -> list[int]:
    """Return the distance of each element from the top, in pixels."""
    boxes = [element.bounding_box() for element in elements.all()]
    return [round(box["y"]) for box in boxes if box]


def test_a_new_colour_scheme_applies_without_animation(person: Person) -> None:
    page = person.go("/accounts/login/")
    button = page.get_by_role("main").get_by_role("button", name="Sign in")
    assert button.evaluate(GROUND) == GREEN
    page.emulate_media(color_scheme="dark")
    assert button.evaluate(GROUND) != GREEN
    assert page.evaluate("document.getAnimations().length") == 0


def test_the_api_docs_follow_the_colour_scheme(person: Person) -> None:
    page = person.go("/api/docs/")
    page.locator(".swagger-ui").first.wait_for()
    for scheme, ground in SCHEMES.items():
        page.emulate_media(color_scheme=scheme)
        expect(page.locator("html")).to_have_css("background-color", ground)


def test_every_method_of_the_api_docs_can_be_read(person: Person) -> None:
    """The views of a developer have methods that the site's own API does not use."""
    page = person.go("/api/docs/")
    operation = page.locator(".opblock").first
    operation.wait_for()
    for scheme, ground in SCHEMES.items():
        page.emulate_media(color_scheme=scheme)
        expect(page.locator("html")).to_have_css("background-color", ground)
        contrasts = {method: operation.evaluate(CONTRAST, method) for method in METHODS}
        assert {name: value for name, value in contrasts.items() if value < 4.5} == {}, scheme


@pytest.mark.parametrize("size", [SMALL, WIDE], ids=["phone", "screen"])
def test_the_links_of_the_admins_header_look_the_same(person: Person, size: ViewportSize) -> None:
    person.page.set_viewport_size(size)
    person.sign_in("admin")
    page = person.go("/admin/")
    links = page.locator("#user-tools > a, #user-tools button[type=submit]")
    assert links.count() == 4
    weights = "links => links.map(link => getComputedStyle(link).fontWeight)"
    assert len({*links.evaluate_all(weights)}) == 1
    command = page.locator(".panel .command")
    assert command.evaluate("command => command.getClientRects().length") == 1


def test_the_navigation_of_a_staff_user_is_one_row_on_a_phone(person: Person) -> None:
    person.page.set_viewport_size(SMALL)
    person.sign_in("admin")
    person.go("/accounts/devices/")
    rows = tops(person.page.locator(".bar li"))
    assert len(rows) == 5
    assert len({*rows}) == 1


def test_the_admin_is_green_in_both_colour_schemes(person: Person) -> None:
    person.sign_in("admin")
    page = person.go("/admin/tokens/signingkey/")
    button = page.get_by_role("button", name="Publish the next key")
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        assert page.locator(".breadcrumbs").evaluate(GROUND) == DARK_GREEN
        expect(button).to_have_css("background-color", GREEN)
        expect(page.locator("#site-name a")).to_have_css("color", "rgb(255, 255, 255)")


@pytest.mark.parametrize(("name", "rows"), [("alice", [2, 2]), ("admin", [2, 2, 2])])
def test_the_tiles_of_the_home_page_form_even_rows(
    person: Person, name: str, rows: list[int]
) -> None:
    person.page.set_viewport_size(WIDE)
    person.sign_in(name)
    positions = tops(person.page.locator(".cards > li"))
    assert [positions.count(top) for top in sorted({*positions})] == rows


def test_a_form_without_fields_has_no_empty_space(person: Person) -> None:
    person.sign_in()
    page = person.go("/accounts/devices/others/end/")
    panel, actions = tops(page.locator(".panel, .panel .actions"))
    assert actions - panel == 25  # the padding and the border of the panel
    expect(page.get_by_role("link", name="Cancel")).to_be_visible()
