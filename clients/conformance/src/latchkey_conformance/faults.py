"""The faults between a client and the site."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from threading import Event

REFRESH = "/api/auth/refresh/"
LOGIN = "/api/auth/login/"
EXAMPLE = "/api/example/"


class Kind(StrEnum):
    """What happens to a request."""

    LOSE_REQUEST = "the connection is closed before the site reads the request"
    LOSE_ANSWER = "the site does what the request asks, and the connection is closed"
    CUT_ANSWER = "the same, and half of the answer arrives"
    HOLD_REQUEST = "the request waits until `release`, and is then processed"
    HOLD_ANSWER = "the request is processed, and its answer waits until `release`"
    ANSWER = "a proxy answers in the place of the site"


@dataclass
class Fault:
    """Disturbs the next `times` requests to `path`. `reached` is set when the first one arrives.

    The site's clock moves on by `passes` seconds between an answer and the end of its connection.
    """

    kind: Kind
    path: str = REFRESH
    times: int = 1
    status: int = 503
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b'{"detail": "Try again.", "code": "unavailable"}'
    media_type: str = "application/json"
    passes: float = 0
    reached: Event = field(default_factory=Event)
    release: Event = field(default_factory=Event)


def answer(status: int, *, retry_after: int = 0, times: int = 1, path: str = REFRESH) -> Fault:
    """Return the fault that the site answers with this status. `retry_after` is in seconds."""
    headers = {"Retry-After": str(retry_after)} if retry_after else {}
    code = {409: "already_rotated", 429: "throttled"}.get(status, "unavailable")
    body = f'{{"detail": "Try again.", "code": "{code}"}}'.encode()
    return Fault(Kind.ANSWER, path, times, status, headers, body)


def page(status: int, *, times: int = 1) -> Fault:
    """Return the fault that a proxy or a captive portal answers with a page of HTML."""
    html = b"<!doctype html><title>Network</title><p>Accept our terms."
    return Fault(Kind.ANSWER, REFRESH, times, status, {}, html, "text/html")
