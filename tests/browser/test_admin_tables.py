"""The tables of the admin show every column, or say that they scroll. Long names cover nothing."""

import pytest

from tests.browser.conftest import Person
from tests.support.site import Site

pytestmark = pytest.mark.browser

#: Creates rows with ordinary and with long texts, and prints the path of the admin's own page.
ROWS = """
import os
from django.contrib.auth.models import Group
from django.utils import timezone
from accounts.models import User
from tokens.keys.lifecycle import rotate
from tokens.models import DeviceSession, Reason, ServiceAccount
from tokens.revocation.blacklist import blacklist
for name in ("ALICE", "BOB"):
    blacklist(os.environ[name], Reason.ADMIN)
bob = User.objects.create(username="b" * 150)
DeviceSession.objects.filter(user__username="bob").update(user=bob, device="d" * 100)
Group.objects.create(name="g" * 150)
ServiceAccount.objects.create(name="s" * 100, created_by=bob, expires_at=timezone.now())
ServiceAccount.objects.create(name="orders", scope="introspect orders:write")
rotate()
print(f"accounts/user/{User.objects.get(username='admin').pk}/change/")
"""
LISTS = [
    "accounts/user/",
    "accounts/user/?q=b",
    "auth/group/",
    "tokens/blacklistedtoken/",
    "tokens/devicesession/",
    "tokens/devicesession/?q=alice",
    "tokens/event/",
    "tokens/serviceaccount/",
    "tokens/signingkey/",
]
#: Returns whether each table is wider than its place, and whether the hint is visible.
OVERFLOW = """
async () => {
  for (let frame = 0; frame < 2; frame++) await new Promise(requestAnimationFrame);
  return Array.from(document.querySelectorAll(".results, .inline-group"), place => [
    place.scrollWidth > place.clientWidth,
    document.querySelector(".scroll-hint")?.checkVisibility() ?? false,
  ]);
}
"""


@pytest.fixture(scope="module")
def pages(site: Site) -> list[str]:
    """The paths of the pages with tables."""
    tokens = {name.upper(): site.login(name)["access"] for name in ("alice", "bob")}
    return [*LISTS, site.run(ROWS, **tokens)]


@pytest.mark.parametrize("width", [1024, 1280, 1440])
def test_a_table_fits_a_large_screen(person: Person, pages: list[str], width: int) -> None:
    person.sign_in("admin")
    person.page.set_viewport_size({"width": width, "height": 800})
    for path in pages:
        assert person.go(f"/admin/{path}").evaluate(OVERFLOW) == [[False, False]], path


def test_a_table_that_is_too_wide_has_a_hint(person: Person, pages: list[str]) -> None:
    person.sign_in("admin")
    person.page.set_viewport_size({"width": 360, "height": 800})
    for path in pages:
        is_wide = path != "auth/group/"
        assert person.go(f"/admin/{path}").evaluate(OVERFLOW) == [[is_wide, is_wide]], path


#: Returns the words of up to 16 characters that are split over several lines.
SPLIT = """
() => {
  const split = [];
  const texts = document.createTreeWalker(document.querySelector(".results"), NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    for (const word of texts.currentNode.data.matchAll(/(?<!\\S)[\\w:]{1,16}(?!\\S)/g)) {
      const range = document.createRange();
      range.setStart(texts.currentNode, word.index);
      range.setEnd(texts.currentNode, word.index + word[0].length);
      if (new Set(Array.from(range.getClientRects(), box => box.top)).size > 1) split.push(word[0]);
    }
  }
  return split;
}
"""


def test_a_table_that_scrolls_splits_no_word(person: Person, pages: list[str]) -> None:
    person.sign_in("admin")
    person.page.set_viewport_size({"width": 360, "height": 800})
    for path in LISTS:
        assert person.go(f"/admin/{path}").evaluate(SPLIT) == [], path


def test_a_long_name_ends_before_the_buttons(person: Person, pages: list[str]) -> None:
    person.sign_in("admin")
    person.page.set_viewport_size({"width": 1440, "height": 800})
    page = person.go("/admin/tokens/serviceaccount/")
    page.get_by_role("link", name="s" * 100).click()
    name = page.get_by_role("heading", name="s" * 100).bounding_box()
    buttons = page.locator(".object-tools").bounding_box()
    assert name
    assert buttons
    assert name["x"] + name["width"] <= buttons["x"]
