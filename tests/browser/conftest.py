"""The fixtures of the browser tests: a site that runs as in production, and Chromium."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect

from tests.support.chromium import chromium
from tests.support.site import PASSWORD, ROOT, SERVE, SERVE_COLLECTED, Site, latchkey
from tests.support.spa import App, single_page_app

PATIENCE = 10_000  # milliseconds
LOADED = 60_000  # milliseconds until a page is complete; /compare/ measures before
#: Writes each violation of the content security policy to the console, which `Person` reads.
REPORT = """
addEventListener("securitypolicyviolation", (violation) => {
  console.error(`policy: ${violation.violatedDirective} ${violation.blockedURI}`);
});
"""

expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with pytest.MonkeyPatch.context() as patch, chromium() as browser:
        # Playwright's event loop runs in this thread. Other tests must not have this setting.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        yield browser


@pytest.fixture(scope="session")
def static_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of the static files. The first site collects them for all."""
    return tmp_path_factory.mktemp("static")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, static_files: Path) -> Iterator[Site]:
    """The running site with the users alice and bob, new for every module."""
    directory = tmp_path_factory.mktemp("site")
    command = SERVE_COLLECTED if any(static_files.iterdir()) else SERVE
    with latchkey(directory, ROOT, command, STATIC_ROOT=str(static_files)) as site:
        site.add_people("alice", "bob")
        yield site


@dataclass
class Person:
    """A person with a browser. `complaints` has the errors in its console and network."""

    site: Site
    context: BrowserContext
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.context.set_default_timeout(PATIENCE)
        self.context.add_init_script(REPORT)
        self.context.on("console", self.record_message)
        self.context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        self.context.on("requestfailed", self.record_failure)
        self.page = self.context.new_page()

    def record_message(self, message: ConsoleMessage) -> None:
        # Chromium logs every response with an error status, which a test may expect.
        if message.type in ("error", "warning") and "responded with a status" not in message.text:
            self.complaints.append(f"{message.text} at {message.page and message.page.url}")

    def record_failure(self, request: Request) -> None:
        # Leaving a page aborts its open requests, such as the one for the icon.
        if request.failure != "net::ERR_ABORTED":
            self.complaints.append(f"{request.url}: {request.failure}")

    def go(self, path: str) -> Page:
        """Open this page of the site."""
        self.page.goto(f"{self.site.url}{path}", timeout=LOADED)
        return self.page

    def sign_in(self, name: str = "alice", password: str = PASSWORD) -> Page:
        """Submit the sign-in form; open its page first if another page is open."""
        if not self.page.url.startswith(f"{self.site.url}/accounts/login/"):
            self.go("/accounts/login/")
        self.page.get_by_label("User name or e-mail address").fill(name)
        self.page.get_by_label("Password", exact=True).fill(password)
        with self.page.expect_navigation():
            self.page.get_by_role("main").get_by_role("button", name="Sign in").click()
        return self.page

    def is_signed_in(self) -> bool:
        return self.go("/accounts/devices/").url == f"{self.site.url}/accounts/devices/"


@pytest.fixture
def person(site: Site, browser: Browser) -> Iterator[Person]:
    """A person whose browser must record no complaints."""
    with browser.new_context() as context:
        person = Person(site, context)
        yield person
        assert person.complaints == []


@pytest.fixture
def other(site: Site, browser: Browser) -> Iterator[Person]:
    """A second browser, which shares no cookies with `person`."""
    with browser.new_context() as context:
        yield Person(site, context)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """A single-page app that uses the browser client, new for every module."""
    with single_page_app(tmp_path_factory.mktemp("app")) as app:
        yield app


@pytest.fixture
def name(app: App) -> str:
    """A new user, whose session no other test has used."""
    app.network.answers.clear()
    return next(app.unused)


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser that shares no cookies with others."""
    with browser.new_context() as context:
        yield context
