"""The device that a request comes from."""

from django.http import HttpRequest
from rest_framework.request import Request

from tokens.http.client_address import client_address
from tokens.sessions.lifecycle import Device


def device_of(request: HttpRequest | Request, label: str = "") -> Device:
    """Return the device of a sign-in, with the name that its owner chose, or ""."""
    return Device(
        label=label,
        ip_address=client_address(request),
        user_agent=request.headers.get("User-Agent", ""),
    )
