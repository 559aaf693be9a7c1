"""What the site notes about a request while it answers it."""

from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, cast

from django.http import HttpRequest

from tokens.errors import Refusal
from tokens.http.client_address import client_address
from tokens.jwt.claims import AccessToken
from tokens.models import DeviceSession

#: The request that this thread or task answers, or None, as in a command. Middleware sets it.
current_request: ContextVar[HttpRequest | None] = ContextVar("current_request", default=None)


@dataclass(slots=True)
class RequestState:
    """The notes about one request."""

    #: The device session of the request, where it was looked up or no access token names it.
    session: DeviceSession | None = None
    #: The service account that authenticated at an OAuth endpoint; for the log only.
    client_id: str = ""
    #: Why the request's refresh token was refused; for the log only.
    refusal: Refusal | None = None
    #: Whether the browser that is signing in keeps its session when it is closed.
    remember: bool = False
    #: Whether the request signed its browser out.
    signed_out: bool = False
    #: The id that every line of the log and the answer carry.
    request_id: str = ""
    #: The fields of every line of the log, computed when the first line is written.
    log_fields: dict[str, str | None] | None = None


def state_of(request: HttpRequest) -> RequestState:
    """Return the state of the request, which the first call creates."""
    attributes = vars(request)
    if "_latchkey_state" not in attributes:
        attributes["_latchkey_state"] = RequestState()
    return cast("RequestState", attributes["_latchkey_state"])


def current_address() -> str | None:
    """Return the IP address of the current request, or None outside of a request."""
    request = current_request.get()
    return None if request is None else client_address(request)


def current_user_id() -> Any:
    """Return the primary key of the user who makes the current request, or None.

    Executes no query: it returns None as well if the request has not been authenticated yet.
    """
    request = current_request.get()
    if request is None:
        return None
    token, session = vars(request).get("auth"), state_of(request).session
    if isinstance(token, AccessToken) and token.token:  # A test can force an empty one.
        return token.user_id
    return session.user_id if session else None
