"""Any number of tabs share one session, with and without locks and a store."""

import pytest
from playwright.sync_api import BrowserContext

from tests.support.spa import (
    WITHOUT_INDEXEDDB,
    WITHOUT_LOCKS,
    App,
    ask_together,
    expire,
    sign_in,
)

pytestmark = [pytest.mark.browser, pytest.mark.spec("RFC 9700", "4.14.2")]


@pytest.mark.parametrize(
    ("transport", "removed", "rounds"),
    [
        ("cookie", "", 25),
        ("cookie", WITHOUT_LOCKS, 25),
        ("cookie", WITHOUT_LOCKS + WITHOUT_INDEXEDDB, 5),
        ("body", WITHOUT_LOCKS, 3),
    ],
    ids=["with locks", "without locks", "without a store", "tokens in the store"],
)
def test_eight_tabs_with_expired_tokens_share_one_session(
    app: App, name: str, context: BrowserContext, *, transport: str, removed: str, rounds: int
) -> None:
    """Guards the name in a refresh: without it and without locks, the session is revoked.

    One tab can then spend a cookie that another tab has just received, while a third tab's request
    with the previous cookie is still on its way to the server.
    """
    context.add_init_script(removed)
    tabs = [app.open(context, transport) for _ in range(8)]
    sign_in(tabs[0], name)
    for number in range(rounds):
        expire(tabs[0], transport)
        assert ask_together(tabs) == [200] * 8, (number, app.sessions(name))
    assert [tab.evaluate("happened.includes('signedout')") for tab in tabs] == [False] * 8
    assert rounds < app.generation(name) <= 2 * rounds
