"""The base of the pages that demonstrate the site."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext

from accounts.pages.page import Page
from project.web.errors import answer, requested_url
from tokens.http import throttles

SECONDS = 15  # that the longest demonstration takes, for people and for Retry-After
running = Lock()


class BusyError(Exception):
    """Another demonstration is in progress in this process."""


@contextmanager
def exclusive() -> Iterator[None]:
    """Let the block be the only demonstration of this process, or raise BusyError."""
    if not running.acquire(blocking=False):
        raise BusyError
    try:
        yield
    finally:
        running.release()


def busy(request: HttpRequest) -> HttpResponse:
    """Return 429: another demonstration is in progress."""
    detail = gettext("Another demonstration is running. Try again in {seconds} seconds.")
    again = requested_url(request)
    response = answer(request, 429, "busy", detail.format(seconds=SECONDS), again=again)
    response["Retry-After"] = str(SECONDS)
    return response


class DemoPage(Page):
    """A page for all visitors that works with a temporary user. It exists if DEMO is on."""

    throttle = "demo"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not settings.DEMO:
            raise Http404
        if request.method in ("GET", "HEAD"):  # Both do the same work.
            throttles.count(self.throttle, self.client_network)
        return super().dispatch(request, *args, **kwargs)
