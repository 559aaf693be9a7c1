"""A single-page app of the same site: the lines of the README, from its own origin."""

import re
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Route

from tests.browser.conftest import Person
from tests.support.origin import origin
from tests.support.servers import free_port
from tests.support.site import PASSWORD, ROOT, Site, latchkey

pytestmark = pytest.mark.browser

PAGE = """<!doctype html><html lang="en"><title>App</title><link rel="icon" href="data:,">
<script src="/app.js"></script></html>"""
LIFETIME = 2  # seconds of an access token
ROUNDS = 25  # of five tabs that all find theirs expired
#: Asks in this tab at the moment given, and not before: five tabs cannot be told to at once.
ASK_AT = """(moment) => { window.told = new Promise((done) => setTimeout(async () => {
  setTimeout(() => done(["no answer in 20 seconds"]), 20000);
  const answer = await get("/auth/sessions/");
  done([answer.status, (await answer.json()).length]);
}, moment - Date.now())); }"""
ROWS = """
from tokens.models import DeviceSession
for row in DeviceSession.objects.filter(user__username={name!r}):
    print(row.generation, row.revoked_reason or "living")
"""


def app_code(site: Site) -> str:
    """Return the app's code as README has it, of this site."""
    (code,) = re.findall(r"```js\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert "https://id.example.org" in code
    return str(code).replace("https://id.example.org", site.url)


@pytest.fixture(scope="module")
def app_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, app_port: int) -> Iterator[Site]:
    """The site, which allows one origin and gives access tokens that hardly live."""
    allowed = f"http://localhost:{app_port}"
    settings = {"CORS_ORIGINS": allowed, "ACCESS_TOKEN_LIFETIME": str(LIFETIME)}
    directory = tmp_path_factory.mktemp("site")
    with latchkey(directory, TOKEN_LEEWAY="0", STATUS_LIST_MAX_AGE="1", **settings) as site:
        site.add_people("alice", "bob", "carol", "dora")
        yield site


@pytest.fixture(scope="module")
def app(site: Site, app_port: int) -> Iterator[str]:
    with origin("localhost", app_port, {"": PAGE, "app.js": app_code(site)}) as app:
        yield app


def ask_at_once(tabs: list[Page]) -> list[list[int]]:
    """Have every tab ask at the same moment, and return the status and the length each was told."""
    moment = time.time() * 1000 + 300
    for tab in tabs:
        tab.evaluate(ASK_AT, moment)
    return [tab.evaluate("window.told") for tab in tabs]


def sign_in(page: Page, name: str) -> int:
    status: int = page.evaluate(f"signIn({name!r}, {PASSWORD!r}).then((answer) => answer.status)")
    return status


@pytest.mark.spec("RFC 9700", "4.14.2")
def test_five_tabs_whose_access_token_has_expired_all_go_on_in_one_session(
    person: Person, app: str
) -> None:
    """Guards the lock in the README's lines: without it one of some forty rounds ends the session.

    A tab may send a refresh with the cookie that another tab is just given, while a request with
    the cookie before that is still on its way to the server.
    """
    tabs = [person.context.new_page() for _ in range(5)]
    for tab in tabs:
        tab.goto(app)
    assert sign_in(tabs[0], "alice") == 200
    time.sleep(LIFETIME + 0.5)
    assert "access" not in {cookie["name"] for cookie in person.context.cookies()}
    for _ in range(ROUNDS):
        assert ask_at_once(tabs) == [[200, 1]] * 5
        person.context.clear_cookies(name="access")
    ((generation, state),) = [
        line.split() for line in person.site.run(ROWS.format(name="alice")).splitlines()
    ]
    assert state == "living"
    assert ROUNDS < int(generation) <= 2 * ROUNDS
    refreshed = "send('POST', '/auth/refresh/').then((answer) => answer.status)"
    assert [tab.evaluate(refreshed) for tab in tabs] == [200] * 5


@pytest.fixture
def suspended(person: Person, app: str) -> Iterator[Page]:
    """A tab of dora's that was suspended while it refreshed, and so holds the lock."""
    page = person.context.new_page()
    page.goto(app)
    assert sign_in(page, "dora") == 200
    person.context.clear_cookies(name="access")
    sent: list[Route] = []

    def hold(route: Route) -> None:
        sent.append(route)

    page.route("**/api/auth/refresh/", hold)
    page.evaluate(ASK_AT, 0)
    while not sent:
        page.wait_for_timeout(50)
    lifecycle = person.context.new_cdp_session(page)
    lifecycle.send("Page.setWebLifecycleState", {"state": "frozen"})
    yield page
    lifecycle.send("Page.setWebLifecycleState", {"state": "active"})
    sent[0].continue_()
    assert page.evaluate("window.told") == [200, 1]


@pytest.mark.trap(82, 87)
def test_a_suspended_tab_that_refreshes_stops_no_other_tab(
    suspended: Page, person: Person, app: str
) -> None:
    """The others continue after five seconds, in one session, and so does the tab itself."""
    tabs = [person.context.new_page() for _ in range(5)]
    for tab in tabs:
        tab.goto(app)
    for _ in range(3):
        began = time.monotonic()
        assert ask_at_once(tabs) == [[200, 1]] * 5
        assert 5 < time.monotonic() - began < 9
        person.context.clear_cookies(name="access")


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("write('PATCH', '/account/me/', {first_name: 'Erin'})", "1 living"),
        (
            f"write('POST', '/account/password/', {{current_password: {PASSWORD!r},"
            " new_password: 'nine dry badgers'})",
            "1 credentials_changed\n1 living",
        ),
    ],
    ids=["a name", "a password"],
)
def test_a_write_after_the_access_token_has_expired_is_done_once(
    person: Person, app: str, call: str, expected: str
) -> None:
    name = f"erin-{len(expected)}"
    person.site.add_people(name)
    person.page.goto(app)
    assert sign_in(person.page, name) == 200
    time.sleep(LIFETIME + 0.5)
    answers: list[tuple[str, int]] = []
    person.page.on(
        "response", lambda answer: answers.append((urlsplit(answer.url).path, answer.status))
    )
    assert person.page.evaluate(f"{call}.then((answer) => answer.status)") == 200
    statuses = [status for path, status in answers if path.startswith("/api/account/")]
    assert statuses == [401, 200]
    assert [status for path, status in answers if path == "/api/auth/refresh/"] == [200]
    assert person.site.run(ROWS.format(name=name)).replace("2 ", "1 ") == expected


@pytest.mark.parametrize("call", ["get('/account/me/')", "write('PATCH', '/account/me/')"])
def test_a_call_that_a_refresh_does_not_help_is_sent_twice_and_no_more(
    person: Person, app: str, call: str
) -> None:
    person.page.goto(app)
    asked: list[str] = []
    person.page.on("response", lambda answer: asked.append(urlsplit(answer.url).path))
    assert person.page.evaluate(f"{call}.then((answer) => answer.status)") == 401
    assert (asked.count("/api/account/me/"), asked.count("/api/auth/refresh/")) == (2, 1)


def test_the_app_signs_out_and_its_cookies_are_gone(person: Person, app: str) -> None:
    person.page.goto(app)
    assert sign_in(person.page, "bob") == 200
    out = "send('POST', '/auth/logout/').then((answer) => answer.status)"
    assert person.page.evaluate(out) == 204
    assert not {"access", "refresh"} & {cookie["name"] for cookie in person.context.cookies()}
    assert person.page.evaluate("get('/auth/sessions/').then((answer) => answer.status)") == 401
    assert person.site.run(ROWS.format(name="bob")) == "1 logout"


@pytest.mark.spec("ASVS 5.0", "3.4.2")
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_the_same_app_at_an_origin_that_is_not_allowed_gets_nothing(
    browser: Browser, site: Site, app: str, host: str
) -> None:
    with browser.new_context() as context:
        allowed, other = context.new_page(), context.new_page()
        allowed.goto(app)
        assert sign_in(allowed, "carol") == 200
        with origin(host, 0, {"": PAGE, "app.js": app_code(site)}) as elsewhere:
            other.goto(elsewhere)
            for call in ("get('/auth/sessions/')", "write('POST', '/auth/logout/all/')"):
                told = f"{call}.then(() => 'told', (error) => error.name)"
                assert other.evaluate(told) == "TypeError"
        status = "get('/auth/sessions/').then((answer) => answer.status)"
        assert allowed.evaluate(status) == 200
