"""Every page is accessible, fits a small screen and causes no errors in the browser."""

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
    "/tokens/",
    "/compare/",
    "/compare/race/",
    "/compare/theft/",
]
CLOSED = [
    "/",
    "/tokens/",
    "/accounts/",
    "/accounts/activity/",
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
    "/admin/tokens/event/",
    "/admin/tokens/blacklistedtoken/add/",
    "/admin/tokens/signingkey/",
    "/admin/tokens/signingkey/replace/",
    "/admin/tokens/serviceaccount/add/",
]
#: Creates rows and prints the paths of the admin pages about a single row.
ROWS = """
import os
from django.contrib.auth.models import Group, Permission
from accounts.models import User
from tokens.revocation.blacklist import blacklist
from datetime import timedelta
from tokens.models import DeviceSession, Event, Reason, ServiceAccount, SigningKey
from tokens.service_accounts.accounts import create_secret
revoked = blacklist(os.environ["TOKEN"], Reason.ADMIN)
group, _ = Group.objects.get_or_create(name="editors")
group.permissions.set(Permission.objects.all()[:3])
user, bob = User.objects.get(username="admin"), User.objects.get(username="bob")
user.groups.set([group])
service, _ = ServiceAccount.objects.get_or_create(name="s" * 100)
service.owners.set([user, bob])
secret, _ = create_secret(service, lifetime=timedelta(days=1))
for page in [
    f"accounts/user/{user.pk}/change/",
    f"accounts/user/{bob.pk}/password/",
    f"accounts/user/{user.pk}/history/",
    f"accounts/user/{bob.pk}/delete/",
    "auth/group/",
    "auth/group/add/",
    f"auth/group/{group.pk}/change/",
    f"auth/group/{group.pk}/delete/",
    f"tokens/devicesession/{DeviceSession.objects.last().pk}/change/",
    f"tokens/event/{Event.objects.last().pk}/change/",
    "tokens/blacklistedtoken/",
    f"tokens/blacklistedtoken/{revoked.pk}/change/",
    "tokens/serviceaccount/",
    f"tokens/serviceaccount/{service.pk}/change/",
    f"tokens/serviceaccount/{service.pk}/secrets/add/",
    f"tokens/serviceaccount/{service.pk}/secrets/{secret.pk}/disable/",
    f"tokens/serviceaccount/{service.pk}/delete/",
    f"tokens/devicesession/{secret.session.pk}/change/",
    f"tokens/signingkey/{SigningKey.objects.last().pk}/change/",
]:
    print(f"/admin/{page}")
"""
SMALL: ViewportSize = {"width": 360, "height": 800}
BAD = ("serious", "critical")
#: Problems of other projects' pages that our styles cannot fix, each with its path.
NOT_OURS = {
    "nested-interactive": "/api/docs/",  # Swagger UI has a button inside a button.
    "select-name": "/api/docs/",  # Swagger UI has a select with plain text instead of a label.
}


@pytest.fixture(params=["light", "dark"])
def viewer(request: pytest.FixtureRequest, site: Site, browser: Browser) -> Iterator[Person]:
    """A person with a small screen and a light or dark colour scheme."""
    with browser.new_context(color_scheme=request.param, viewport=SMALL) as context:
        person = Person(site, context)
        yield person
        assert person.complaints == []


def is_not_ours(problem: str, url: str) -> bool:
    return problem in NOT_OURS and NOT_OURS[problem] in url


def problems(viewer: Person) -> list[str]:
    """Return the accessibility problems of the current page, and its width if it is too wide."""
    page = viewer.page
    page.wait_for_load_state("networkidle")
    complaints = len(viewer.complaints)
    violations = Axe().run(page).response["violations"]
    del viewer.complaints[complaints:]  # The content security policy also stops parts of axe.
    serious = [
        f"{page.url}: {one['help']}: {[node['html'] for node in one['nodes']]}"
        for one in violations
        if one["impact"] in BAD and not is_not_ours(one["id"], page.url)
    ]
    width = page.evaluate("document.documentElement.scrollWidth")
    return serious + ([f"{page.url} is {width} wide"] if width > SMALL["width"] else [])


def problems_at(viewer: Person, paths: Iterable[str]) -> list[str]:
    all_problems = []
    for path in paths:
        viewer.go(path)
        all_problems += problems(viewer)
    return all_problems


def test_public_pages_have_no_problems(viewer: Person) -> None:
    links = [link.removeprefix(viewer.site.url) for link in viewer.site.run(LINKS).split()]
    assert problems_at(viewer, [*OPEN, *links]) == []
    viewer.sign_in(password="eight wet otters")
    assert problems(viewer) == []


def test_pages_of_signed_in_users_have_no_problems(viewer: Person) -> None:
    viewer.sign_in()
    assert problems_at(viewer, CLOSED) == []


def test_api_docs_and_admin_pages_have_no_problems(viewer: Person) -> None:
    viewer.sign_in("admin")
    rows = viewer.site.run(ROWS, TOKEN=viewer.site.login("alice")["access"]).split()
    assert problems_at(viewer, [*OTHERS, *rows]) == []


def test_the_page_with_a_new_secret_has_no_problems(viewer: Person) -> None:
    viewer.sign_in("admin")
    paths = viewer.site.run(ROWS, TOKEN=viewer.site.login("alice")["access"]).split()
    page = viewer.go(next(path for path in paths if path.endswith("/secrets/add/")))
    page.get_by_role("button", name="Create secret").click()
    assert "client_secret: latchkey_" in page.locator(".secret").inner_text()
    assert problems(viewer) == []
    button = page.get_by_role("link", name="I have copied it")
    box = button.bounding_box()
    assert box
    assert box["height"] >= 34  # as the admin's other buttons
    button.click()
    page.get_by_role("heading", name="Change service account").wait_for()


#: Returns the height of each checkbox's row, and the distance of the checkbox from the left edge.
CHECKBOXES = """
() => Array.from(document.querySelectorAll("#id_scope label, #id_audience label"), label => {
  const row = label.getBoundingClientRect(), box = label.firstElementChild.getBoundingClientRect();
  return [row.height, box.left - label.closest("[id]").getBoundingClientRect().left];
})
"""


def test_scopes_and_audiences_of_an_account_use_the_width(viewer: Person) -> None:
    viewer.sign_in("admin")
    path = "/admin/tokens/serviceaccount/add/"
    for width, height in ((1440, 30), (360, 50)):
        viewer.page.set_viewport_size({"width": width, "height": 800})
        rows = viewer.go(path).evaluate(CHECKBOXES)
        assert len(rows) == 2
        assert all(row[0] < height and row[1] < 10 for row in rows), (width, rows)


def test_the_page_of_an_account_names_each_secret_once(viewer: Person) -> None:
    viewer.sign_in("admin")
    paths = viewer.site.run(ROWS, TOKEN=viewer.site.login("alice")["access"]).split()
    change = next(path for path in paths if "/serviceaccount/" in path and "/change/" in path)
    table = viewer.go(change).locator("#secrets-group tbody")
    secrets = table.locator("tr").count()
    assert secrets > 0
    assert table.inner_text().count("latchkey_") == secrets


def test_an_expanded_operation_has_no_problems(viewer: Person) -> None:
    page = viewer.go("/api/docs/")
    page.get_by_role("button", name="/api/auth/login/").first.click()
    page.get_by_role("button", name="Try it out").wait_for()
    assert problems(viewer) == []


#: Doubles the font size and returns the words that are split over several lines.
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


def test_no_word_is_split_at_twice_the_font_size(person: Person) -> None:
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


def test_a_long_name_wraps_on_admin_pages(viewer: Person) -> None:
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
