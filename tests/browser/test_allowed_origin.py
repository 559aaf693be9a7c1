"""A page at an origin that CORS_ORIGINS names may call the API, and can submit no form of a page.

It is on another port: another origin of the same site, which the browser sends every cookie from.
"""

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Person
from tests.browser.test_forgery import ASKED, FRAME, TAKE
from tests.support.origin import origin
from tests.support.servers import free_port
from tests.support.site import PASSWORD, Site, latchkey

pytestmark = pytest.mark.browser

PAGE = (
    """<!doctype html><html lang="en"><title>App</title><link rel="icon" href="data:,">{}<body>"""
)
#: Pages of the app; the second and the third submit forms with `Origin: null`.
PAGES = {
    "": PAGE.format(""),
    "hidden": PAGE.format('<meta name="referrer" content="no-referrer">'),
    "sandbox": PAGE.format('<iframe sandbox="allow-scripts allow-forms" srcdoc="<body>"></iframe>'),
}
TOKEN = """async (site) => (await (await fetch(site + "/api/auth/csrf/", {credentials: "include"}))
  .json()).csrfToken"""
SUBMIT = """([action, fields]) => {
  const form = document.createElement("form");
  [form.method, form.action] = ["post", action];
  for (const [name, value] of fields) {
    const input = document.createElement("input");
    [input.name, input.value] = [name, value];
    form.append(input);
  }
  document.body.append(form);
  HTMLFormElement.prototype.submit.call(form);
}"""
#: Submits the same form as a script can, which is not shown the answer.
SUBMIT_UNSEEN = """([action, fields]) => fetch(action, {method: "POST", mode: "no-cors",
  credentials: "include", body: new URLSearchParams(fields)}).catch(() => "not for this origin")"""
FIELDS = """[...new FormData(document.querySelector("#user_form"))]
  .filter(([name, value]) => name !== "csrfmiddlewaretoken" && typeof value === "string")"""
CALL = """async ([site, method, path, body, token]) => {
  const csrf = await (await fetch(site + "/api/auth/csrf/", {credentials: "include"})).json();
  const answer = await fetch(site + path, {method, credentials: "include",
    headers: {"Content-Type": "application/json", "X-CSRFToken": token || csrf.csrfToken},
    ...(body && {body: JSON.stringify(body)})});
  return [answer.status, await answer.text()];
}"""
USERS = """
from accounts.models import User
print(*sorted(User.objects.values_list("username", "is_superuser", "first_name")), sep="\\n")
"""
PEOPLE = "('admin', True, '')\n('alice', False, '')\n('bob', False, '')"


@pytest.fixture(scope="module")
def app_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, app_port: int) -> Iterator[Site]:
    """The site, which allows the origin of one app."""
    allowed = f"http://localhost:{app_port}"
    with latchkey(tmp_path_factory.mktemp("site"), CORS_ORIGINS=allowed) as site:
        site.add_people("alice", "bob")
        yield site


@pytest.fixture(scope="module")
def app(site: Site, app_port: int) -> Iterator[str]:
    with origin("localhost", app_port, PAGES) as app:
        yield app


@pytest.fixture
def admin(somebody: Person) -> Person:
    """The administrator, signed in to the pages."""
    somebody.sign_in("admin")
    return somebody


def change_path(site: Site, name: str) -> str:
    """Return the path of the admin page that changes this user."""
    code = f"from accounts.models import User; print(User.objects.get(username={name!r}).pk)"
    return f"/admin/accounts/user/{site.run(code)}/change/"


def form_at(person: Person, path: str, **changes: str) -> list[list[str]]:
    """Return what a browser sends with the form of this page of the admin, changed."""
    fields = dict(person.go(path).evaluate(FIELDS))
    return [[name, value] for name, value in (fields | changes).items()]


def submit(person: Person, app: str, path: str, fields: list[list[str]]) -> int:
    """Submit this form from a new tab at the app; return the status of the answer.

    The tab reads the CSRF token of the API first. The form is in its last frame, which is the page
    itself if it has no frames.
    """
    site, page = person.site, person.context.new_page()
    page.goto(app)
    token = page.evaluate(TOKEN, site.url)
    fields = [*fields, ["csrfmiddlewaretoken", token]]
    page.evaluate(SUBMIT_UNSEEN, [f"{site.url}{path}", fields])
    with page.expect_response(lambda answer: answer.request.is_navigation_request()) as answer:
        page.frames[-1].evaluate(SUBMIT, [f"{site.url}{path}", fields])
    status: int = answer.value.status
    page.close()
    return status


@pytest.mark.trap(93)
@pytest.mark.spec("ASVS 5.0", "3.5.1")
def test_an_allowed_origin_creates_no_superuser(admin: Person, app: str) -> None:
    """The administrator looks at the app in another tab."""
    add, change = "/admin/accounts/user/add/", change_path(admin.site, "bob")
    forms = {
        add: form_at(admin, add, username="mallory", password1=PASSWORD, password2=PASSWORD),
        change: form_at(admin, change, is_staff="on", is_superuser="on"),
    }
    statuses = [submit(admin, app, path, fields) for path, fields in forms.items()]
    assert admin.site.run(USERS) == PEOPLE
    assert statuses == [403, 403]
    assert admin.is_signed_in()


@pytest.mark.trap(93)
@pytest.mark.spec("ASVS 5.0", "3.5.1")
@pytest.mark.parametrize("page", PAGES)
def test_an_allowed_origin_submits_no_form_of_a_page(somebody: Person, app: str, page: str) -> None:
    somebody.sign_in("bob")
    for path, given in ASKED.values():
        fields = [[name, value] for name, value in given.items()]
        assert (path, submit(somebody, f"{app}/{page}", path, fields)) == (path, 403)
    assert somebody.site.run(USERS) == PEOPLE
    assert somebody.is_signed_in()


def test_an_allowed_origin_reads_no_page_and_frames_none(somebody: Person, app: str) -> None:
    """It reads what the API answers, to which the session of the pages means nothing."""
    somebody.sign_in()
    somebody.page.goto(app)
    told = somebody.page.evaluate(TAKE, somebody.site.url)
    somebody.page.evaluate(FRAME, somebody.site.url)
    framed = [frame.url for frame in somebody.page.frames]
    assert told[0] == "refused"
    assert [json.loads(text).get("code") for text in told[1:]] == [
        *("not_authenticated", None, "not_authenticated")
    ]
    assert [url.startswith(somebody.site.url) for url in framed] == [False, False]
    assert somebody.is_signed_in()


@pytest.mark.spec("ASVS 5.0", "3.5.2")
def test_an_allowed_origin_calls_the_api_with_cookies(person: Person, app: str) -> None:
    """While the same browser is signed in to the pages, whose token the API refuses."""
    person.sign_in()
    token = person.go("/accounts/").locator("[name=csrfmiddlewaretoken]").first.input_value()
    person.page.goto(app)
    body = {"username": "alice", "password": PASSWORD, "transport": "cookie"}
    calls = [
        ("POST", "/api/auth/login/", body, "", 200),
        ("PATCH", "/api/account/me/", {"first_name": "Alice"}, token, 403),
        ("POST", "/api/auth/refresh/", {}, token, 403),
        ("PATCH", "/api/account/me/", {"first_name": ""}, "", 200),
        ("POST", "/api/auth/refresh/", {}, "", 200),
        ("GET", "/api/account/me/", None, "", 200),
    ]
    for method, path, given, csrf, expected in calls:
        status, text = person.page.evaluate(CALL, [person.site.url, method, path, given, csrf])
        assert (path, status) == (path, expected), text
    assert person.site.run(USERS) == PEOPLE
    person.go("/accounts/").get_by_role("button", name="Save").click()
    expect(person.page.get_by_text("Your name is saved.")).to_be_visible()
