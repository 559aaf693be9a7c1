"""The IP address of the client, behind a known number of proxies."""

from functools import lru_cache

from django.http import HttpRequest
from rest_framework.request import Request

from tokens.conf import conf
from tokens.sessions.networks import parse_address


def client_address(request: HttpRequest | Request) -> str | None:
    """Return the client's IP address, or None if the request came through a Unix socket.

    Each of TOKENS["PROXIES"] proxies appended one address to X-Forwarded-For. The client may have
    invented the earlier entries, so they are ignored.
    """
    meta = request.META
    forwarded = meta.get("HTTP_X_FORWARDED_FOR", "") if conf().PROXIES else ""
    return _client_address(str(forwarded), str(meta.get("REMOTE_ADDR", "")), conf().PROXIES)


@lru_cache(maxsize=1024)
def _client_address(forwarded: str, connected: str, proxies: int) -> str | None:
    hops = forwarded.split(",")
    appended = hops[-proxies].strip() if 0 < proxies <= len(hops) else ""
    for candidate in filter(None, (appended, connected)):
        try:
            return str(parse_address(candidate))
        except ValueError:
            continue
    return None
