"""A thief with a copy of the refresh token is detected within two refreshes of the client."""

import httpx
import pytest
from playwright.sync_api import BrowserContext, Page

from tests.support.spa import WITHOUT_LOCKS, App, ask, expire, sign_in

pytestmark = pytest.mark.browser

TRANSPORTS = ["cookie", "body"]
#: The transport of the client, and the key that the thief sends.
CASES = [("cookie", ""), ("cookie", "k" * 32), ("body", "")]
GRACE = 30  # seconds
#: Reads the refresh token of the transport "body", as an injected script could.
STEAL = """async () => {
  const wait = (asked) => new Promise((done) => { asked.onsuccess = () => done(asked.result); });
  const [{ name }] = (await indexedDB.databases()).filter(({ name }) => name.includes(" body "));
  const database = await wait(indexedDB.open(name));
  const { refresh } = await wait(database.transaction("values").objectStore("values").get("state"));
  database.close();
  return refresh;
}"""


@pytest.fixture
def context(context: BrowserContext) -> BrowserContext:
    context.add_init_script(WITHOUT_LOCKS)
    return context


def steal(tab: Page, transport: str) -> str:
    """Return the refresh token of the browser, which keeps it."""
    if transport == "body":
        return str(tab.evaluate(STEAL))
    (token,) = [c["value"] for c in tab.context.cookies() if c["name"] == "refresh"]
    return token


def refresh(app: App, token: str, key: str = "") -> httpx.Response:
    """Refresh as the thief does, with a key of the thief's own or without one."""
    headers = {"Idempotency-Key": key} if key else {}
    url = f"{app.site.url}/api/auth/refresh/"
    return httpx.post(url, json={"refresh": token}, headers=headers, timeout=30)


@pytest.mark.spec("RFC 9700", "4.14.2")
@pytest.mark.parametrize(("transport", "key"), CASES)
def test_a_thief_who_comes_first_is_detected(
    app: App, name: str, context: BrowserContext, transport: str, key: str
) -> None:
    """The client's first refresh is refused and the session continues. The second ends it."""
    tab = app.open(context, transport)
    sign_in(tab, name)
    expire(tab, transport)
    assert refresh(app, steal(tab, transport), key).status_code == 200
    assert "just used" in str(ask(tab))
    assert app.sessions(name) == ["2 active"]
    app.age(name, seconds=GRACE)
    assert ask(tab) == 401
    assert app.sessions(name) == ["2 reuse"]
    assert tab.evaluate("happened.at(-1)") == "signedout"


@pytest.mark.spec("RFC 9700", "4.14.2")
@pytest.mark.parametrize(("transport", "key"), CASES)
def test_a_thief_who_comes_second_gets_nothing(
    app: App, name: str, context: BrowserContext, transport: str, key: str
) -> None:
    """Guards the retry key: without it, the thief receives the client's new token."""
    tab = app.open(context, transport)
    sign_in(tab, name)
    expire(tab, transport)
    stolen = steal(tab, transport)
    assert ask(tab) == 200
    answer = refresh(app, stolen, key)
    assert (answer.status_code, answer.json()["code"]) == (409, "already_rotated")
    app.age(name, seconds=GRACE)
    assert refresh(app, stolen, key).status_code == 401
    assert app.sessions(name) == ["2 reuse"]
    expire(tab, transport)
    assert ask(tab) == 401


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_thief_who_continues_is_detected_at_once(
    app: App, name: str, context: BrowserContext, transport: str
) -> None:
    tab = app.open(context, transport)
    sign_in(tab, name)
    expire(tab, transport)
    stolen = refresh(app, steal(tab, transport)).json()["refresh"]
    stolen = refresh(app, stolen).json()["refresh"]
    assert ask(tab) == 401
    assert app.sessions(name) == ["3 reuse"]
    assert refresh(app, stolen).status_code == 401
