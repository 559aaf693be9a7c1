"""The HTML part of every mail fits a small screen."""

import pytest
from playwright.sync_api import Browser

from accounts.mail.letters import Mail, write

pytestmark = pytest.mark.browser

LINK = f"http://localhost:8000/accounts/password/choose/?token={'t' * 100}"


@pytest.mark.parametrize("mail", Mail)
def test_a_mail_does_not_scroll_sideways(browser: Browser, mail: Mail) -> None:
    names = dict.fromkeys(("username", "device", "changed", "account", "prefix"), "n" * 100)
    message = write(mail, "alice@example.org", link=LINK, act="Go on", **names)
    page = browser.new_page(viewport={"width": 360, "height": 800})
    page.set_content(str(message.alternatives[0][0]))
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    page.close()
