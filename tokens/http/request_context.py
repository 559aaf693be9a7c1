"""The device session that was found for a request, kept on the request."""

from django.http import HttpRequest

from tokens.models import DeviceSession


def note_session(request: HttpRequest, session: DeviceSession | None) -> None:
    """Leave with the request whose device session it is found to be of, where no token tells it."""
    vars(request)["_noted_session"] = session


def noted_session(request: HttpRequest) -> DeviceSession | None:
    """Return the device session that was left with the request, or None: no query."""
    session: DeviceSession | None = vars(request).get("_noted_session")
    return session
