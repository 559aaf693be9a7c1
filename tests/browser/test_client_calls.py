"""Calls of the browser client: retries, CSRF tokens, waits, and where tokens are sent."""

import time

import pytest
from playwright.sync_api import BrowserContext

from tests.support.spa import REFRESH, App, ask, call, expire, failure, sign_in

pytestmark = pytest.mark.browser

TRANSPORTS = ["cookie", "body"]


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_write_with_an_expired_token_happens_once(
    app: App, name: str, context: BrowserContext, transport: str
) -> None:
    tab = app.open(context, transport)
    sign_in(tab, name)
    expire(tab, transport)
    assert call(tab, "PATCH", "/api/account/me/", {"first_name": "Erin"})[0] == 200
    assert app.network.statuses("/api/account/me/") == [401, 200]
    assert app.network.statuses(REFRESH) == [200]


@pytest.mark.trap(85)
def test_a_stream_is_not_sent_twice(app: App, name: str, context: BrowserContext) -> None:
    """The refresh happens, so that the next call works."""
    tab = app.open(context, "body")
    sign_in(tab, name)
    expire(tab, "body")
    send = """fetch = ((real) => async (request) => {
      if (request.url.endsWith("/me/")) {
        window.sent = (window.sent ?? 0) + 1;
        await request.text();
        return new Response("{}", {status: 401}); }
      return real(request); })(fetch);
    api.fetch("/api/account/me/", {method: "PATCH", duplex: "half",
      body: new Blob(["{}"]).stream()}).then((answer) => [answer.status, sent])"""
    assert tab.evaluate(send) == [401, 1]
    assert app.network.statuses(REFRESH) == [200]
    assert ask(tab) == 200


@pytest.mark.spec("ASVS 5.0", "3.5.1")
def test_a_lost_csrf_token_is_renewed(app: App, name: str, context: BrowserContext) -> None:
    tab = app.open(context)
    sign_in(tab, name)
    context.clear_cookies(name="api-csrftoken")
    assert call(tab, "PATCH", "/api/account/me/", {"first_name": "Erin"})[0] == 200
    assert app.network.statuses("/api/account/me/") == [403, 200]
    assert call(tab, "PATCH", "/api/account/me/", {"first_name": "Eve"})[0] == 200
    assert len(app.network.statuses("/api/auth/csrf/")) == 2


def test_an_endpoint_that_always_refuses_costs_one_refresh(
    app: App, name: str, context: BrowserContext
) -> None:
    """Otherwise many tabs that poll it would spend tokens while older requests are on their way."""
    tab = app.open(context)
    sign_in(tab, name)
    expire(tab)
    refuse = """fetch = ((real) => async (request) => request.url.endsWith("/sessions/") ?
      new Response("{}", {status: 401}) : real(request))(fetch)"""
    tab.evaluate(f"() => {{ {refuse} }}")
    assert [ask(tab) for _ in range(3)] == [401] * 3
    assert app.generation(name) == 2


def test_tokens_are_sent_to_the_site_and_named_services_only(
    app: App, name: str, context: BrowserContext
) -> None:
    tab = app.open(context, "body")
    sign_in(tab, name)
    for url in (
        "https://evil.example/",
        f"{app.url}/",
        "http://localhost:1/api/",
        "//evil.example/",
    ):
        raised = "api.fetch(url).then(() => 'sent', (error) => error.name)"
        assert tab.evaluate(f"(url) => {raised}", url) == "TypeError"


def test_a_site_that_is_away_signs_nobody_out(app: App, name: str, context: BrowserContext) -> None:
    tab = app.open(context)
    sign_in(tab, name)
    expire(tab)
    app.network.drop(REFRESH, times=20)
    error = failure(tab, "api.fetch('/api/auth/sessions/')")
    assert (error["code"], error["status"]) == ("unavailable", 0)
    app.network.restore()
    assert ask(tab) == 200
    assert tab.evaluate("happened") == ["signedin", "refreshed"]
    assert app.generation(name) == 2


def test_a_refresh_waits_as_long_as_the_site_asks(
    app: App, name: str, context: BrowserContext
) -> None:
    tab = app.open(context)
    sign_in(tab, name)
    expire(tab)
    app.network.refuse(REFRESH, 503, retry_after=2)
    app.network.refuse(REFRESH, 429, retry_after=1)
    began = time.monotonic()
    assert ask(tab) == 200
    assert 3 <= time.monotonic() - began < 7
    assert app.network.statuses(REFRESH) == [503, 429, 200]
    expire(tab)
    app.network.refuse(REFRESH, 429, retry_after=60)
    error = failure(tab, "api.fetch('/api/auth/sessions/')")
    assert (error["code"], error["status"], error["retryAfter"]) == ("unavailable", 429, 60)
    assert ask(tab) == 200
