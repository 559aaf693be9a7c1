"""Lost and late answers, frozen and crashed tabs, and wrong clocks do not sign a user out."""

import time

import pytest
from playwright.sync_api import BrowserContext, CDPSession, Error, Page

from tests.support.spa import (
    REFRESH,
    WITHOUT_INDEXEDDB,
    WITHOUT_LOCKS,
    App,
    ask,
    ask_together,
    expire,
    sign_in,
)

pytestmark = pytest.mark.browser

#: Lets the tab receive the answer to a refresh, with its cookies, and tells the script nothing.
DEAF = f"""() => {{ const real = window.fetch;
window.fetch = async (request) => {{
  const answer = await real(request);
  if (!request.url.endsWith("{REFRESH}")) return answer;
  window.deaf = answer.status;
  return new Promise(() => {{}});
}}; }}"""
WRONG_CLOCK = "Date.now = ((right) => () => right() + {hours} * 3600000)(Date.now); null"


def start(page: Page) -> None:
    """Start a call, and do not wait for its answer."""
    page.evaluate("() => { window.asked = api.fetch('/api/auth/sessions/')"
                  ".then((answer) => answer.status, String); }")  # fmt: skip


def freeze(page: Page) -> CDPSession:
    lifecycle = page.context.new_cdp_session(page)
    lifecycle.send("Page.setWebLifecycleState", {"state": "frozen"})
    return lifecycle


def resume(lifecycle: CDPSession) -> None:
    lifecycle.send("Page.setWebLifecycleState", {"state": "active"})


@pytest.mark.trap(4, 84)
@pytest.mark.parametrize("transport", ["cookie", "body"])
def test_a_lost_answer_is_asked_for_again(
    app: App, name: str, context: BrowserContext, transport: str
) -> None:
    tab = app.open(context, transport)
    sign_in(tab, name)
    for generation in (2, 3):
        expire(tab, transport)
        app.network.drop(REFRESH, times=2)
        assert ask(tab) == 200
        assert app.generation(name) == generation
    assert app.network.statuses(REFRESH) == [200] * 6


@pytest.mark.trap(4)
@pytest.mark.parametrize(
    ("transport", "removed"),
    [("cookie", WITHOUT_LOCKS), ("cookie", WITHOUT_LOCKS + WITHOUT_INDEXEDDB), ("body", "")],
    ids=["without locks", "without a store", "tokens in the store"],
)
def test_a_new_tab_asks_again_after_a_day(
    app: App, name: str, context: BrowserContext, transport: str, removed: str
) -> None:
    """Guards the derivation of the retry key: the tab that sent the refresh is closed."""
    context.add_init_script(removed)
    tab = app.open(context, transport)
    sign_in(tab, name)
    expire(tab, transport)
    held = app.network.hold(REFRESH)
    start(tab)
    assert held.arrived.wait(20)
    tab.close()
    held.released.set()
    assert app.generation(name) == 2
    app.age(name, seconds=23 * 3600)
    context.add_init_script(WRONG_CLOCK.format(hours=24))
    assert ask(app.open(context, transport)) == 200
    assert app.generation(name) == 2


def test_a_tab_that_closed_after_its_cookies_came_does_no_harm(
    app: App, name: str, context: BrowserContext
) -> None:
    """The browser has the new token, and the store names the old one."""
    deaf, other = app.open(context), app.open(context)
    sign_in(deaf, name)
    expire(other)
    deaf.evaluate(DEAF)
    start(deaf)
    deaf.wait_for_function("window.deaf")
    deaf.close()
    expire(other)
    assert ask_together([other, app.open(context)]) == [200, 200]
    assert app.generation(name) == 3


@pytest.mark.trap(87)
def test_a_late_cookie_of_another_tab_does_no_harm(
    app: App, name: str, context: BrowserContext
) -> None:
    """An older cookie replaces a newer one, and is spent again with the same key."""
    context.add_init_script(WITHOUT_LOCKS)
    slow, quick = app.open(context), app.open(context)
    sign_in(slow, name)
    expire(quick)
    held = app.network.hold(REFRESH)
    start(slow)
    assert held.arrived.wait(20)
    assert ask(quick) == 200
    expire(quick)
    assert ask(quick) == 200
    assert app.generation(name) == 3
    held.released.set()
    assert slow.evaluate("window.asked") == 200
    expire(quick)
    assert ask_together([slow, quick]) == [200, 200]
    assert app.generation(name) in (3, 4)
    assert not slow.evaluate("happened.includes('signedout')")


@pytest.mark.trap(82)
def test_a_frozen_tab_delays_the_others_once(app: App, name: str, context: BrowserContext) -> None:
    """The frozen tab holds the lock. The others take it after five seconds."""
    tabs = [app.open(context) for _ in range(4)]
    sign_in(tabs[0], name)
    expire(tabs[1])
    held = app.network.hold(REFRESH)
    start(tabs[0])
    assert held.arrived.wait(20)
    lifecycle = freeze(tabs[0])
    waits = []
    for _ in range(2):
        began = time.monotonic()
        assert ask_together(tabs[1:]) == [200] * 3
        waits.append(time.monotonic() - began)
        expire(tabs[1])
    assert 5 < waits[0] < 9
    assert waits[1] < 2
    held.released.set()
    resume(lifecycle)
    assert tabs[0].evaluate("window.asked") == 200
    expire(tabs[1])
    assert ask_together(tabs) == [200] * 4
    assert app.generation(name) >= 4


@pytest.mark.trap(86)
@pytest.mark.parametrize(("transport", "hours"), [("cookie", -1), ("body", 1)])
def test_a_tab_that_slept_resumes_with_a_wrong_clock(
    app: App, name: str, context: BrowserContext, transport: str, hours: int
) -> None:
    awake, asleep = app.open(context, transport), app.open(context, transport)
    sign_in(asleep, name)
    lifecycle = freeze(asleep)
    for generation in (2, 3):
        expire(awake, transport)
        assert ask(awake) == 200
        assert app.generation(name) == generation
    expire(awake, transport)
    resume(lifecycle)
    asleep.evaluate(WRONG_CLOCK.format(hours=hours))
    assert ask(asleep) == 200
    assert set(asleep.evaluate("happened")) == {"signedin", "refreshed"}
    assert app.generation(name) == 4


def test_a_crashed_tab_does_not_keep_the_lock(app: App, name: str, context: BrowserContext) -> None:
    crashing, other = app.open(context), app.open(context)
    sign_in(crashing, name)
    expire(other)
    held = app.network.hold(REFRESH)
    start(crashing)
    assert held.arrived.wait(20)
    with crashing.expect_event("crash"), pytest.raises(Error):
        crashing.goto("chrome://crash")
    held.released.set()
    began = time.monotonic()
    assert ask(other) == 200
    assert time.monotonic() - began < 4
    assert app.generation(name) == 2
