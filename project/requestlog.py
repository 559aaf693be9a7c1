"""A line for each request: who asked what, how it was answered, and how long that took."""

import logging
import time
import uuid
from collections.abc import Callable
from functools import partial

import structlog
from django.http import HttpRequest, HttpResponse

from project.logs import ABOUT, route
from tokens.authentication import noted_session
from tokens.claims import AccessToken
from tokens.exceptions import Refusal
from tokens.throttles import client_address

log = structlog.stdlib.get_logger("latchkey.requests")


class RequestLog:
    """Give every request an id that all its lines carry, and write one line when it is answered.

    Asks the database nothing: the user is named only if somebody asked before.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        began = time.perf_counter()
        told = ABOUT.set(partial(about_request, request))
        response = self.get_response(request)
        level = logging.ERROR if response.status_code >= 500 else logging.INFO
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


def about_request(request: HttpRequest) -> dict[str, str | None]:
    """Return the id and the address of the request, worked out when its first line is written."""
    known = vars(request)
    if "_log" not in known:
        known["_log"] = {"request_id": uuid.uuid4().hex, "address": client_address(request)}
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
