"""The IP address of the client, behind a known number of proxies."""

from django.http import HttpRequest
from rest_framework.request import Request

from tokens.conf import conf
from tokens.sessions.networks import canonical_address


def client_address(request: HttpRequest | Request) -> str | None:
    """Return the client's IP address, or None if the request came through a Unix socket.

    Each of TOKENS["PROXIES"] proxies appended one address to X-Forwarded-For. The client may have
    invented the earlier entries, so they are ignored.
    """
    meta, proxies = request.META, conf().PROXIES
    candidates = [str(meta.get("REMOTE_ADDR", ""))]
    if proxies:
        hops = str(meta.get("HTTP_X_FORWARDED_FOR", "")).split(",")
        candidates[:0] = [hops[-proxies].strip()] if proxies <= len(hops) else []
    for candidate in candidates:
        try:
            return canonical_address(candidate)
        except ValueError:
            continue
    return None
