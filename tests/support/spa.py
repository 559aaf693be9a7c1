"""A single-page app on another origin of the site, which uses the browser client."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, Page

from tests.support.network import Network, lossy_network
from tests.support.origin import origin
from tests.support.servers import free_port
from tests.support.site import PASSWORD, Site, latchkey

PAGE = """<!doctype html><html lang="en"><title>App</title><link rel="icon" href="data:,">
<script type="module">
import {{ latchkey }} from "{site}/clients/latchkey.js";
window.api = latchkey({{ site: "{site}", transport: "{transport}" }});
window.happened = [];
for (const name of ["signedin", "signedout", "refreshed"])
  api.addEventListener(name, () => happened.push(name));
</script></html>"""
#: Sends a request at this time, because a test cannot start several tabs simultaneously.
ASK_AT = """(moment) => { window.answered = new Promise((done) => setTimeout(async () => {
  setTimeout(() => done("no answer in 30 seconds"), 30000);
  done(await api.fetch("/api/auth/sessions/").then((answer) => answer.status, String));
}, moment - Date.now())); }"""
ROWS = """SELECT session.generation, coalesce(session.revoked_reason, '')
FROM tokens_devicesession session
JOIN accounts_user user ON session.user_id = user.id WHERE user.username = ? ORDER BY session.id"""
#: Moves the rotations of this user's sessions into the past.
AGE = """UPDATE tokens_devicesession SET rotated_at = datetime(rotated_at, ?)
WHERE user_id = (SELECT id FROM accounts_user WHERE username = ?)"""
WITHOUT_LOCKS = "Object.defineProperty(Navigator.prototype, 'locks', {value: undefined});"
WITHOUT_INDEXEDDB = "Object.defineProperty(window, 'indexedDB', {value: undefined});"
REFRESH = "/api/auth/refresh/"
CALL = """async ([method, path, body]) => {
  const answer = await api.fetch(path, {method, body: body && JSON.stringify(body),
    headers: {"Content-Type": "application/json"}});
  return [answer.status, await answer.text()];
}"""
FAILURE = """(call) => eval(call).then(() => null, (error) =>
  ({name: error.name, code: error.code, status: error.status, message: error.message,
    retryAfter: error.retryAfter}))"""
PEOPLE = [f"person-{number}" for number in range(40)]
LIFETIME = 4  # seconds of an access token
REST = 0.6  # seconds: after more than an eighth of LIFETIME, the client spends a new token


@dataclass
class App:
    """The app with cookies at `url`, and with tokens in its store at `url`/body."""

    url: str
    site: Site
    network: Network
    database: Path
    #: Names of users who have no session. Each test takes another one.
    unused: Iterator[str] = field(default_factory=lambda: iter(PEOPLE))

    def open(self, context: BrowserContext, transport: str = "cookie") -> Page:
        """Open a new tab of the app."""
        page = context.new_page()
        page.goto(f"{self.url}/{'' if transport == 'cookie' else transport}")
        page.wait_for_function("window.api")
        return page

    def sessions(self, name: str) -> list[str]:
        """Return the generation of each session of this user, and "active" or why it ended."""
        with sqlite3.connect(self.database) as database:
            rows = database.execute(ROWS, [name])
            return [f"{generation} {reason or 'active'}" for generation, reason in rows]

    def generation(self, name: str) -> int:
        """Return the generation of the user's only session, which must be active."""
        ((generation, state),) = [line.split() for line in self.sessions(name)]
        assert state == "active"
        return int(generation)

    def age(self, name: str, seconds: int) -> None:
        """Let the user's last rotation be this many seconds earlier."""
        with sqlite3.connect(self.database, timeout=20) as database:
            assert database.execute(AGE, [f"-{seconds} seconds", name]).rowcount == 1


def sign_in(page: Page, name: str) -> None:
    page.evaluate(f"api.signIn({name!r}, {PASSWORD!r}).then(() => true)")


def call(page: Page, method: str, path: str, body: Any = None) -> tuple[int, str]:
    """Return the status and the text of a call."""
    status, text = page.evaluate(CALL, [method, path, body])
    return status, text


def failure(page: Page, code: str) -> dict[str, Any]:
    """Return the error that this call must raise."""
    error: dict[str, Any] = page.evaluate(FAILURE, code)
    assert error["name"] == "LatchkeyError"
    return error


def ask(page: Page) -> int | str:
    """Return the status of a call, or the error."""
    answer: int | str = page.evaluate(
        "api.fetch('/api/auth/sessions/').then((answer) => answer.status, String)"
    )
    return answer


def ask_together(tabs: list[Page]) -> list[int | str]:
    """Make all tabs call the API simultaneously; return the statuses."""
    moment = time.time() * 1000 + 300
    for tab in tabs:
        tab.evaluate(ASK_AT, moment)
    return [tab.evaluate("window.answered") for tab in tabs]


def expire(page: Page, transport: str = "cookie") -> None:
    """Let the access token expire: wait, or delete its cookie as the browser does."""
    time.sleep(REST if transport == "cookie" else LIFETIME)
    page.context.clear_cookies(name="access")


@contextmanager
def single_page_app(directory: Path, **settings: str) -> Iterator[App]:
    """Serve the site behind a lossy network, and the app on an allowed origin."""
    port, app_port = free_port(), free_port()
    url, app_url = f"http://localhost:{port}", f"http://localhost:{app_port}"
    settings = {
        "PUBLIC_URL": url,
        "CORS_ORIGINS": app_url,
        "ACCESS_TOKEN_LIFETIME": str(LIFETIME),
        "TOKEN_LEEWAY": "0",
        "STATUS_LIST_MAX_AGE": "1",
        **settings,
    }
    pages = {
        "": PAGE.format(site=url, transport="cookie"),
        "body": PAGE.format(site=url, transport="body"),
    }
    with (
        lossy_network(port) as network,
        latchkey(directory, **settings) as site,
        origin("localhost", app_port, pages),
    ):
        network.upstream = site.url
        site.add_people(*PEOPLE)
        yield App(app_url, site, network, directory / "latchkey.sqlite3")
