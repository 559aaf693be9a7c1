"""alice has a browser, Chromium, and the site runs as in production."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect

from tests.support.chromium import chromium
from tests.support.site import PASSWORD, ROOT, SERVE, Site, latchkey

PATIENCE = 10_000  # milliseconds
#: Hands what a policy forbade to the console, from where `Watched` has it.
REPORT = """
addEventListener("securitypolicyviolation", (violation) => {
  console.error(`policy: ${violation.violatedDirective} ${violation.blockedURI}`);
});
"""

expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with pytest.MonkeyPatch.context() as patch, chromium() as browser:
        # Playwright's loop runs in this thread. Not set before: it is no setting for other tests.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        yield browser


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The site, and on it alice and bob, new for every file of tests."""
    with latchkey(tmp_path_factory.mktemp("site"), ROOT, SERVE) as site:
        site.add_people("alice", "bob")
        yield site


@dataclass
class Person:
    """Somebody before a browser; what went wrong in it is in `complaints`."""

    site: Site
    context: BrowserContext
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.context.set_default_timeout(PATIENCE)
        self.context.add_init_script(REPORT)
        self.context.on("console", self.hear)
        self.context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        self.context.on("requestfailed", self.note_failure)
        self.page = self.context.new_page()

    def hear(self, message: ConsoleMessage) -> None:
        # That a refused form is 400 and a page of an error what it says is not a mistake.
        if message.type in ("error", "warning") and "responded with a status" not in message.text:
            self.complaints.append(f"{message.text} at {message.page and message.page.url}")

    def note_failure(self, request: Request) -> None:
        # A page that is left before its icon has come has not failed.
        if request.failure != "net::ERR_ABORTED":
            self.complaints.append(f"{request.url}: {request.failure}")

    def go(self, path: str) -> Page:
        """Look at a page of the site."""
        self.page.goto(f"{self.site.url}{path}")
        return self.page

    def sign_in(self, name: str = "alice", password: str = PASSWORD) -> Page:
        """Fill in the form, wherever it is shown, and send it."""
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
    """Somebody at a browser of their own, in which nothing may go wrong."""
    with browser.new_context() as context:
        person = Person(site, context)
        yield person
        assert person.complaints == []


@pytest.fixture
def somebody(site: Site, browser: Browser) -> Iterator[Person]:
    """Somebody else at another browser."""
    with browser.new_context() as context:
        yield Person(site, context)
