"""On no page does anything go wrong, and every page is open to everybody."""

from collections.abc import Iterable, Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ViewportSize

from tests.browser.conftest import Person
from tests.support.site import Site

pytestmark = pytest.mark.browser

LINKS = """
from accounts.links import email_link, email_fingerprint as email_fingerprint, password_link
from accounts.models import User
bob = User.objects.get(username="bob")
print(password_link(bob), email_link(bob, "b@example.net", email_fingerprint(bob, "b@example.net")))
"""
OPEN = [
    "/",
    "/accounts/login/",
    "/accounts/logout/",
    "/accounts/password/reset/",
    "/accounts/password/reset/sent/",
    "/accounts/password/choose/",
    "/accounts/password/chosen/",
    "/accounts/email/confirm/",
    "/accounts/email/confirmed/",
    "/accounts/deleted/",
    "/nowhere/",
]
CLOSED = [
    "/",
    "/accounts/",
    "/accounts/devices/",
    "/accounts/devices/others/end/",
    "/accounts/email/change/",
    "/accounts/password/change/",
    "/accounts/delete/",
    "/accounts/logout/",
]
OTHERS = [
    "/api/docs/",
    "/admin/",
    "/admin/accounts/user/",
    "/admin/accounts/user/add/",
    "/admin/tokens/devicesession/",
    "/admin/tokens/blacklistedtoken/add/",
    "/admin/tokens/signingkey/",
]
#: Pages of the admin that are about one thing, whose key is asked for when it is there.
ROWS = """
import os
from django.contrib.auth.models import Group, Permission
from accounts.models import User
from tokens.revocation.blacklist import blacklist
from tokens.models import DeviceSession, Reason, SigningKey
dead = blacklist(os.environ["TOKEN"], Reason.ADMIN)
group, _ = Group.objects.get_or_create(name="editors")
group.permissions.set(Permission.objects.all()[:3])
user, bob = User.objects.get(username="admin"), User.objects.get(username="bob")
user.groups.set([group])
for page in [
    f"accounts/user/{user.pk}/change/",
    f"accounts/user/{user.pk}/password/",
    f"accounts/user/{user.pk}/history/",
    f"accounts/user/{bob.pk}/delete/",
    "auth/group/",
    "auth/group/add/",
    f"auth/group/{group.pk}/change/",
    f"auth/group/{group.pk}/delete/",
    f"tokens/devicesession/{DeviceSession.objects.last().pk}/change/",
    "tokens/blacklistedtoken/",
    f"tokens/blacklistedtoken/{dead.pk}/change/",
    f"tokens/signingkey/{SigningKey.objects.last().pk}/change/",
]:
    print(f"/admin/{page}")
"""
SMALL: ViewportSize = {"width": 360, "height": 800}
BAD = ("serious", "critical")
#: What is wrong with what others made, and by which address: no style of ours could mend it.
NOT_OURS = {
    "nested-interactive": "/api/docs/",  # Swagger UI has a button inside of a button
    "select-name": "/api/docs/",  # and a choice whose label stands beside it as plain text
}


@pytest.fixture(params=["light", "dark"])
def viewer(request: pytest.FixtureRequest, site: Site, browser: Browser) -> Iterator[Person]:
    """Somebody whose browser is light or dark, on a small screen."""
    with browser.new_context(color_scheme=request.param, viewport=SMALL) as context:
        person = Person(site, context)
        yield person
        assert person.complaints == []


def is_not_ours(problem: str, address: str) -> bool:
    return problem in NOT_OURS and NOT_OURS[problem] in address


def problems(viewer: Person) -> list[str]:
    """Return what keeps somebody out of the page that is shown."""
    page = viewer.page
    page.wait_for_load_state("networkidle")
    complaints = len(viewer.complaints)
    violations = Axe().run(page).response["violations"]
    del viewer.complaints[complaints:]  # The policy stops what axe tries in the page, too.
    found = [
        f"{page.url}: {one['help']}: {[node['html'] for node in one['nodes']]}"
        for one in violations
        if one["impact"] in BAD and not is_not_ours(one["id"], page.url)
    ]
    width = page.evaluate("document.documentElement.scrollWidth")
    return found + ([f"{page.url} is {width} wide"] if width > SMALL["width"] else [])


def problems_at(viewer: Person, paths: Iterable[str]) -> list[str]:
    found = []
    for path in paths:
        viewer.go(path)
        found += problems(viewer)
    return found


def test_pages_for_everybody(viewer: Person) -> None:
    links = [link.removeprefix(viewer.site.url) for link in viewer.site.run(LINKS).split()]
    assert problems_at(viewer, [*OPEN, *links]) == []
    viewer.sign_in(password="eight wet otters")
    assert problems(viewer) == []


def test_pages_for_who_is_signed_in(viewer: Person) -> None:
    viewer.sign_in()
    assert problems_at(viewer, CLOSED) == []


def test_pages_for_programmers_and_administrators(viewer: Person) -> None:
    viewer.sign_in("admin")
    rows = viewer.site.run(ROWS, TOKEN=viewer.site.login("alice")["access"]).split()
    assert problems_at(viewer, [*OTHERS, *rows]) == []


def test_an_opened_call_of_the_api(viewer: Person) -> None:
    page = viewer.go("/api/docs/")
    page.get_by_role("button", name="/api/auth/login/").first.click()
    page.get_by_role("button", name="Try it out").wait_for()
    assert problems(viewer) == []


#: The words that stand on more than one line, where all letters are twice as large.
CUT = """
() => {
  document.documentElement.style.fontSize = "200%";
  const cut = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    if (texts.currentNode.parentNode.matches("bdi, code")) continue;
    for (const word of texts.currentNode.data.matchAll(/[\\p{L}’]+/gu)) {
      const range = document.createRange();
      range.setStart(texts.currentNode, word.index);
      range.setEnd(texts.currentNode, word.index + word[0].length);
      const lines = new Set(Array.from(range.getClientRects(), box => box.top));
      if (lines.size > 1) cut.push(word[0]);
    }
  }
  return cut;
}
"""


def test_no_word_is_cut_where_letters_are_twice_as_large(person: Person) -> None:
    person.page.set_viewport_size(SMALL)
    links = [link.removeprefix(person.site.url) for link in person.site.run(LINKS).split()]
    cut = {path: person.go(path).evaluate(CUT) for path in [*OPEN, *links]}
    person.sign_in()
    cut |= {path: person.go(path).evaluate(CUT) for path in CLOSED}
    assert {path: words for path, words in cut.items() if words} == {}


LONG = """
from accounts.models import User
from tokens.models import DeviceSession
user, _ = User.objects.get_or_create(username="b" * 150)
print(user.pk)
DeviceSession.objects.update(device="d" * 100)
"""


def test_a_long_name_wraps_on_the_pages_of_administrators(viewer: Person) -> None:
    viewer.sign_in("admin")
    key = viewer.site.run(LONG)
    width = (
        "Math.max(...[...document.querySelectorAll('.field-username, .field-device_name')]"
        ".map(cell => cell.getBoundingClientRect().width))"
    )
    for path in ("/admin/accounts/user/", "/admin/tokens/devicesession/"):
        viewer.go(path)
        assert 0 < viewer.page.evaluate(width) <= SMALL["width"]
    about = [f"/admin/accounts/user/{key}/{page}/" for page in ("change", "delete", "history")]
    assert problems_at(viewer, about) == []
