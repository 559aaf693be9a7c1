"""The device that a request comes from."""

from contextlib import suppress

from django.http import HttpRequest
from rest_framework.request import Request

from tokens.http.client_address import client_address
from tokens.models.lines import one_line
from tokens.sessions.lifecycle import Device


def device_of(request: HttpRequest | Request, label: str = "") -> Device:
    """Return the device of a sign-in, with the name that its owner chose, or ""."""
    return Device(
        label=label,
        ip_address=client_address(request),
        user_agent=decode(request.headers.get("User-Agent", "")),
    )


def decode(header: str) -> str:
    """Return the text of a header on one line: UTF-8 if its bytes are, or else Latin-1.

    Its characters represent bytes (PEP 3333).
    """
    with suppress(UnicodeError):
        header = header.encode("latin-1").decode()
    return one_line(header)
