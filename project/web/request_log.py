"""Count each request, and write a log line with its user, route, status and duration."""

import logging
import random
import re
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from django.http import FileResponse, HttpRequest, HttpResponse, StreamingHttpResponse

from project.metrics.counters import count_request
from project.web.headers import set_checked
from project.web.logs import ABOUT, event_record, route
from tokens.http.client_address import client_address
from tokens.http.request_context import current_request, state_of
from tokens.jwt.claims import AccessToken

#: Valid ids from clients and proxies. They are safe in any log and header.
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,128}")
#: Supervisors and proxies request these every few seconds.
PROBES = ("/healthz", "/readyz", "/metrics")

log = logging.getLogger("latchkey.requests")


class RequestLog:
    """Give every request an id that all its lines contain, and log each answered request.

    The answer has the id in X-Request-ID. This middleware runs no query: the line names the user
    only if a view has loaded the user.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        began = time.perf_counter()
        told = ABOUT.set(partial(about_request, request))
        answered = current_request.set(request)
        ident = state_of(request).request_id = request_id(request)
        response = self.get_response(request)
        set_checked(response, "X-Request-ID", ident)
        status, seconds = response.status_code, time.perf_counter() - began
        where, refusal = route(request), state_of(request).refusal
        count_request(request.method, where, status, seconds, refusal)
        level = level_of(request, status)
        if log.isEnabledFor(level):
            line = event_record(
                log,
                level,
                "request",
                method=request.method,
                route=where,
                status=status,
                milliseconds=round(seconds * 1000, 1),
                **who(request),
            )
            log.handle(line)
        current_request.reset(answered)
        ABOUT.reset(told)
        return with_context(response, request)


def with_context(response: HttpResponse, request: HttpRequest) -> HttpResponse:
    """Return the answer. While a streamed one is generated, its lines belong to the request.

    A file writes no lines, and the server recognises it by its type.
    """
    if isinstance(response, FileResponse) or not isinstance(response, StreamingHttpResponse):
        return response
    if not response.is_async:
        response.streaming_content = continued(response.streaming_content, request)
    return response


def continued(parts: Iterable[bytes], request: HttpRequest) -> Iterator[bytes]:
    """Yield the parts of a streamed answer. Each line of the log between two parts has its id."""
    before = ABOUT.get(), current_request.get()
    ABOUT.set(partial(about_request, request))
    current_request.set(request)
    try:
        yield from parts
    finally:
        ABOUT.set(before[0])
        current_request.set(before[1])


def request_id(request: HttpRequest) -> str:
    """Return the X-Request-ID that came with the request if it is a valid one, or a new one.

    An id is unique, but need not be secret. To ask the system for random bytes would let another
    thread run, and a read would take longer.
    """
    given: str = request.META.get("HTTP_X_REQUEST_ID", "")
    return given if REQUEST_ID.fullmatch(given) else f"{random.getrandbits(128):032x}"


def level_of(request: HttpRequest, status: int) -> int:
    """Return the level of the request's line. A successful probe is logged at DEBUG."""
    if status >= 500:
        return logging.ERROR
    return logging.DEBUG if request.path_info in PROBES else logging.INFO


def about_request(request: HttpRequest) -> dict[str, str | None]:
    """Return the id and the IP address of the request, computed for its first line."""
    state = state_of(request)
    if state.log_fields is None:
        state.log_fields = {"request_id": state.request_id, "address": client_address(request)}
    return state.log_fields


def who(request: HttpRequest) -> dict[str, str]:
    """Return the user, the session and the client, if they are known without a query.

    The reason why a refresh token was refused is included.
    """
    token, state = vars(request).get("auth"), state_of(request)
    refused = {"reason": state.refusal.value} if state.refusal else {}
    if state.client_id:
        return {"client": state.client_id, **refused}
    if isinstance(token, AccessToken) and token.token:  # A test can force an empty one.
        return {"user": token.sub, "sid": token["sid"], **refused}
    if state.session is None:
        return refused
    return {"user": str(state.session.user_id), "sid": str(state.session.sid), **refused}
