"""Where a message waits for the page that shows it."""

from django.conf import settings
from django.contrib.messages.storage.cookie import CookieStorage


class MessageStorage(CookieStorage):
    """Django's storage in a signed cookie, which another host of the domain cannot set.

    The signature does not name a browser, so such a host could show a visitor a message of another.
    """

    cookie_name = f"{settings.COOKIE_PREFIX}messages"
