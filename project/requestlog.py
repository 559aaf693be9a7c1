"""A line for each request: who asked what, how it was answered, and how long that took."""

import logging
import time
import uuid
from collections.abc import Callable

import structlog
from django.http import HttpRequest, HttpResponse
from structlog.contextvars import bind_contextvars, clear_contextvars

from project.logs import route
from tokens.claims import AccessToken
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
        bind_contextvars(request_id=uuid.uuid4().hex, address=client_address(request))
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
        clear_contextvars()
        return response


def who(request: HttpRequest) -> dict[str, str]:
    """Return the user and the session of the request as far as they are known without a query."""
    token = getattr(request, "auth", None)
    if isinstance(token, AccessToken):
        return {"user": token.sub, "sid": str(token.sid)}
    session = getattr(request, "_device_session", None)  # where accounts.browser keeps it
    return {} if session is None else {"user": str(session.user_id), "sid": str(session.sid)}
