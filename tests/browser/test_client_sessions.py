"""Signing in and out with the browser client: events, other tabs, tokens, CSRF and refusals."""

import re

import httpx
import pytest
from playwright.sync_api import BrowserContext, Page

from tests.support.servers import wait_until
from tests.support.site import PASSWORD
from tests.support.spa import (
    REFRESH,
    WITHOUT_INDEXEDDB,
    WITHOUT_LOCKS,
    App,
    ask,
    call,
    expire,
    failure,
    sign_in,
)

pytestmark = pytest.mark.browser

TRANSPORTS = ["cookie", "body"]
TOKEN = re.compile(r"eyJ[\w-]{10,}")
#: Everything that a script of the page can read, with the content of every database.
READABLE = """async () => {
  const found = [document.cookie, document.documentElement.outerHTML, location.href, window.name,
    JSON.stringify({...localStorage}), JSON.stringify({...sessionStorage}),
    JSON.stringify(performance.getEntries()), ...await caches.keys()];
  const seen = new Set();
  const walk = (value) => {
    if (typeof value === "string") found.push(value);
    if (value === null || !["object", "function"].includes(typeof value) || seen.has(value)) return;
    seen.add(value);
    let part = value;
    for (; part && part !== EventTarget.prototype; part = Object.getPrototypeOf(part))
      for (const name of Reflect.ownKeys(part))
        try { walk(value[name]); } catch { /* a private accessor */ }
  };
  walk(api);
  const wait = (asked) => new Promise((done) => { asked.onsuccess = () => done(asked.result); });
  for (const { name } of await indexedDB.databases()) {
    const database = await wait(indexedDB.open(name));
    for (const name of database.objectStoreNames) {
      const store = database.transaction(name).objectStore(name);
      found.push(JSON.stringify(await wait(store.getAll())));
    }
    database.close();
  }
  return found;
}"""


def tokens(page: Page) -> list[str]:
    return [text for text in page.evaluate(READABLE) if TOKEN.search(text)]


def wait_for_event(page: Page, event: str) -> None:
    page.wait_for_function(f"happened.at(-1) === '{event}'", timeout=10_000)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_every_tab_follows_a_sign_in_and_a_sign_out(
    app: App, name: str, context: BrowserContext, transport: str
) -> None:
    tabs = [app.open(context, transport) for _ in range(3)]
    assert tabs[1].evaluate("api.session()") is None
    sign_in(tabs[0], name)
    for tab in tabs:
        wait_for_event(tab, "signedin")
        assert ask(tab) == 200
    session = tabs[2].evaluate("api.session()")
    assert (session["kind"], session["current"]) == ("token", True)
    tabs[1].evaluate("api.signOut()")
    for tab in tabs:
        wait_for_event(tab, "signedout")
        assert ask(tab) == 401
        assert tab.evaluate("api.session()") is None
        assert tab.evaluate("happened") == ["signedin", "signedout"]
    assert app.sessions(name) == ["1 logout"]


@pytest.mark.spec("ASVS 5.0", "14.3.1")
def test_no_token_is_readable_after_a_sign_out(
    app: App, name: str, context: BrowserContext
) -> None:
    """The last check shows that the search finds tokens while a user is signed in."""
    tabs = [app.open(context, "body") for _ in range(2)]
    sign_in(tabs[0], name)
    expire(tabs[0], "body")
    assert [ask(tab) for tab in tabs] == [200, 200]
    found = tokens(tabs[1])
    tabs[0].evaluate("api.signOut()")
    wait_for_event(tabs[1], "signedout")
    assert [tokens(tab) for tab in tabs] == [[], []]
    assert tokens(app.open(context, "body")) == []
    assert found


@pytest.mark.spec("ASVS 5.0", "3.3.4")
def test_cookie_transport_never_shows_a_token_to_scripts(
    app: App, name: str, context: BrowserContext
) -> None:
    tab = app.open(context)
    sign_in(tab, name)
    expire(tab)
    assert ask(tab) == 200
    assert tokens(tab) == []


@pytest.mark.trap(83)
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_late_answer_stores_nothing_after_a_sign_out(
    app: App, name: str, context: BrowserContext, transport: str
) -> None:
    """Guards `CHANGES.refreshed`, which stores an answer only if the session is still there."""
    context.add_init_script(WITHOUT_LOCKS)
    slow, other = app.open(context, transport), app.open(context, transport)
    sign_in(slow, name)
    expire(slow, transport)
    held = app.network.hold(REFRESH)
    slow.evaluate(
        "() => { window.asked = api.fetch('/api/auth/sessions/').then((a) => a.status); }"
    )
    assert held.arrived.wait(20)
    other.evaluate("api.signOut()")
    held.released.set()
    assert slow.evaluate("window.asked") == 401
    assert tokens(slow) == []
    assert [ask(tab) for tab in (slow, other, app.open(context, transport))] == [401] * 3
    assert app.sessions(name) == ["2 logout"]
    assert slow.evaluate("happened.at(-1)") == "signedout"


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_second_sign_in_ends_the_session_before(
    app: App, name: str, context: BrowserContext, transport: str
) -> None:
    first, second = app.open(context, transport), app.open(context, transport)
    sign_in(first, name)
    sign_in(second, name)
    wait_until(lambda: app.sessions(name) == ["1 logout", "1 active"], seconds=10)
    assert [ask(first), ask(second)] == [200, 200]


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_session_survives_a_reload(
    app: App, name: str, context: BrowserContext, transport: str
) -> None:
    tab = app.open(context, transport)
    sign_in(tab, name)
    expire(tab, transport)
    tab.reload()
    tab.wait_for_function("window.api")
    assert ask(tab) == 200
    assert tab.evaluate("happened") == ["refreshed"]


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_new_password_keeps_this_browser_signed_in(
    app: App, name: str, context: BrowserContext, transport: str
) -> None:
    tab, other = app.open(context, transport), app.open(context, transport)
    sign_in(tab, name)
    passwords = {"current_password": PASSWORD, "new_password": "nine dry badgers"}
    status, text = call(tab, "POST", "/api/account/password/", passwords)
    assert (status, TOKEN.search(text)) == (200, None)
    expire(tab, transport)
    assert [ask(tab), ask(other)] == [200, 200]
    assert app.sessions(name) == ["1 credentials_changed", "2 active"]
    assert "signedout" not in other.evaluate("happened")


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_session_that_was_ended_elsewhere_is_signed_out(
    app: App, name: str, context: BrowserContext, transport: str
) -> None:
    tab, other = app.open(context, transport), app.open(context, transport)
    sign_in(tab, name)
    phone = httpx.post(
        f"{app.site.url}/api/auth/login/", json={"username": name, "password": PASSWORD}
    ).json()
    headers = {"Authorization": f"Bearer {phone['access']}"}
    httpx.post(f"{app.site.url}/api/auth/logout/all/", headers=headers)
    expire(tab, transport)
    assert ask(tab) == 401
    for page in (tab, other):
        wait_for_event(page, "signedout")


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_visitor_without_a_session_is_asked_to_sign_in(
    app: App, name: str, context: BrowserContext, transport: str
) -> None:
    tab = app.open(context, transport)
    assert tab.evaluate("api.session()") is None
    assert app.network.statuses("/api/auth/sessions/") == [401]
    assert app.network.statuses(REFRESH) == ([400] if transport == "cookie" else [])
    error = failure(tab, f"api.signIn('{name}', 'eight wet otters')")
    assert (error["code"], error["status"]) == ("no_active_account", 401)
    error = failure(tab, f"api.signIn('{name}', '')")
    assert (error["code"], error["status"]) == ("error", 400)
    assert tab.evaluate("happened") == []


def test_cookies_without_a_store_are_recognised(
    app: App, name: str, context: BrowserContext
) -> None:
    """The browser has deleted the store and kept the cookies."""
    context.add_init_script(WITHOUT_LOCKS + WITHOUT_INDEXEDDB)
    sign_in(app.open(context), name)
    tab = app.open(context)
    assert tab.evaluate("api.session().then(({ current }) => current)") is True
    expire(tab)
    assert ask(tab) == 200
    assert app.generation(name) == 2
