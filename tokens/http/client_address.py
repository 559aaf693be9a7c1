"""The IP address of the client, behind a known number of proxies."""

from django.http import HttpRequest
from rest_framework.request import Request

from tokens.conf import conf
from tokens.sessions.networks import parse_address


def client_address(request: HttpRequest | Request) -> str | None:
    """Return the client's IP address, or None if the request came through a Unix socket.

    Each of TOKENS["PROXIES"] proxies appended one address to X-Forwarded-For. The client may have
    invented the earlier entries, so they are ignored.
    """
    hops = str(request.META.get("HTTP_X_FORWARDED_FOR", "")).split(",")
    proxies = conf().PROXIES
    forwarded = hops[-proxies].strip() if 0 < proxies <= len(hops) else ""
    for candidate in filter(None, (forwarded, str(request.META.get("REMOTE_ADDR", "")))):
        try:
            return str(parse_address(candidate))
        except ValueError:
            continue
    return None
