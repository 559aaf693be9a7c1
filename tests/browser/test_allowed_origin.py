"""A page of an origin in CORS_ORIGINS may call the API, but cannot submit the site's forms.

It is on another port, which is another origin of the same site: the browser sends it every cookie.
"""

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Person
from tests.browser.test_forgery import FORMS, FRAME, TAKE
from tests.support.origin import origin
from tests.support.servers import free_port
from tests.support.site import PASSWORD, Site, latchkey

pytestmark = pytest.mark.browser

PAGE = (
    """<!doctype html><html lang="en"><title>App</title><link rel="icon" href="data:,">{}<body>"""
)
#: Pages of the app. The second and the third submit forms with `Origin: null`.
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
#: Submits the same form by `fetch`, which hides the answer from the script.
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
    """A site that allows the origin of the app."""
    allowed = f"http://localhost:{app_port}"
    with latchkey(tmp_path_factory.mktemp("site"), CORS_ORIGINS=allowed) as site:
        site.add_people("alice", "bob")
        yield site


@pytest.fixture(scope="module")
def app(site: Site, app_port: int) -> Iterator[str]:
    with origin("localhost", app_port, PAGES) as app:
        yield app


@pytest.fixture
def admin(other: Person) -> Person:
    """The administrator, signed in to the pages."""
    other.sign_in("admin")
    return other


def change_path(site: Site, name: str) -> str:
    """Return the path of the admin page that changes this user."""
    code = f"from accounts.models import User; print(User.objects.get(username={name!r}).pk)"
    return f"/admin/accounts/user/{site.run(code)}/change/"


def form_at(person: Person, path: str, **changes: str) -> list[list[str]]:
    """Return the fields of the form on this admin page with these changes."""
    fields = dict(person.go(path).evaluate(FIELDS))
    return [[name, value] for name, value in (fields | changes).items()]


def submit(person: Person, app: str, path: str, fields: list[list[str]]) -> int:
    """Submit these fields from a new tab with a page of the app; return the answer's status.

    The page reads the CSRF token of the API first. The form is in its last frame, or in the page
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
def test_an_allowed_origin_cannot_create_a_superuser(admin: Person, app: str) -> None:
    """The administrator opens the app in another tab."""
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
def test_an_allowed_origin_cannot_submit_page_forms(other: Person, app: str, page: str) -> None:
    other.sign_in("bob")
    for path, given in FORMS.values():
        fields = [[name, value] for name, value in given.items()]
        assert (path, submit(other, f"{app}/{page}", path, fields)) == (path, 403)
    assert other.site.run(USERS) == PEOPLE
    assert other.is_signed_in()


def test_an_allowed_origin_cannot_read_or_frame_pages(other: Person, app: str) -> None:
    """The app can read answers of the API, but the API ignores the session cookie of the pages."""
    other.sign_in()
    other.page.goto(app)
    answers = other.page.evaluate(TAKE, other.site.url)
    other.page.evaluate(FRAME, other.site.url)
    framed = [frame.url for frame in other.page.frames]
    assert answers[0] == "refused"
    assert [json.loads(text).get("code") for text in answers[1:]] == [
        *("not_authenticated", None, "not_authenticated")
    ]
    assert [url.startswith(other.site.url) for url in framed] == [False, False]
    assert other.is_signed_in()


@pytest.mark.spec("ASVS 5.0", "3.5.2")
def test_an_allowed_origin_calls_the_api_with_cookies(person: Person, app: str) -> None:
    """The same browser is signed in to the pages, whose CSRF token the API refuses."""
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
