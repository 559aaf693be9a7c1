"""A line for each request: who asked what, how it was answered, and how long that took."""

import logging
import re
import time
import uuid
from collections.abc import Callable
from functools import partial

import structlog
from django.http import HttpRequest, HttpResponse

from project.web.logs import ABOUT, route
from tokens.errors import Refusal
from tokens.http.client_address import client_address
from tokens.http.request_context import noted_session
from tokens.jwt.claims import AccessToken

#: The ids that a client or a proxy may choose: they can be written into any log or header.
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,128}")
#: Called every few seconds, by supervisors and proxies.
PROBES = ("/healthz", "/readyz")

log = structlog.stdlib.get_logger("latchkey.requests")


class RequestLog:
    """Give every request an id that all its lines carry, and write one line when it is answered.

    The answer carries the id too, as X-Request-ID. Asks the database nothing: the user is named
    only if the request has looked for the user.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        began = time.perf_counter()
        told = ABOUT.set(partial(about_request, request))
        ident = vars(request)["_request_id"] = request_id(request)
        response = self.get_response(request)
        response.headers["X-Request-ID"] = ident
        level = level_of(request, response.status_code)
        if log.isEnabledFor(level):
            log.log(
                level,
                "request",
                method=request.method,
                route=route(request),
                status=response.status_code,
                milliseconds=round((time.perf_counter() - began) * 1000, 1),
                **who(request),
            )
        ABOUT.reset(told)
        return response


def request_id(request: HttpRequest) -> str:
    """Return the X-Request-ID that came with the request if it is a valid one, or a new one."""
    given: str = request.META.get("HTTP_X_REQUEST_ID", "")
    return given if REQUEST_ID.fullmatch(given) else uuid.uuid4().hex


def level_of(request: HttpRequest, status: int) -> int:
    """Return the level of the request's line: a probe that succeeds is of no interest to people."""
    if status >= 500:
        return logging.ERROR
    return logging.DEBUG if request.path_info in PROBES else logging.INFO


def about_request(request: HttpRequest) -> dict[str, str | None]:
    """Return the id and the address of the request, worked out when its first line is written."""
    known = vars(request)
    if "_log" not in known:
        known["_log"] = {"request_id": known["_request_id"], "address": client_address(request)}
    about: dict[str, str | None] = known["_log"]
    return about


def note_refusal(request: HttpRequest, reason: Refusal) -> None:
    """Leave with the request why its refresh token was refused, for the log alone."""
    vars(request)["_refusal"] = reason


def who(request: HttpRequest) -> dict[str, str]:
    """Return the user and the session of the request as far as they are known without a query.

    Beside them is why a refresh token was refused.
    """
    token, session = vars(request).get("auth"), noted_session(request)
    refusal: Refusal | None = vars(request).get("_refusal")
    refused = {"reason": refusal.value} if refusal else {}
    if isinstance(token, AccessToken) and token.token:  # A test can force an empty one.
        return {"user": token.sub, "sid": str(token.sid), **refused}
    if session is None:
        return refused
    return {"user": str(session.user_id), "sid": str(session.sid), **refused}
