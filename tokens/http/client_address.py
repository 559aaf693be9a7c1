"""The address that a request came from, behind a known number of proxies."""

import re
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import structlog
from django.http import HttpRequest
from rest_framework.request import Request

from tokens.conf import conf

#: An address as some proxies write it: with a port, and IPv6 in brackets.
ADDRESS = re.compile(r"\[(?P<bracketed>[^]]+)](:\d+)?|(?P<plain>[^:]+):\d+")
log = structlog.stdlib.get_logger("latchkey.throttles")


def client_address(request: HttpRequest | Request) -> str | None:
    """Return the address that the request came from, or None if it came by a socket file.

    X-Forwarded-For is believed as far as TOKENS["PROXIES"] says: each of that many proxies of ours
    has appended the address it was called from, and whatever stands before was made up outside.
    """
    hops = str(request.META.get("HTTP_X_FORWARDED_FOR", "")).split(",")
    proxies = conf().PROXIES
    forwarded = hops[-proxies].strip() if 0 < proxies <= len(hops) else ""
    for candidate in (forwarded, str(request.META.get("REMOTE_ADDR", ""))):
        try:
            return str(_parse_address(candidate))
        except ValueError:
            continue
    return None


def client_network(address: str | None) -> str:
    """Return what is counted as one address: an IPv4 address, or a /64 of IPv6."""
    if address is None:
        return ""
    parsed = _parse_address(address)
    prefix = 64 if parsed.version == 6 else 32
    return str(ip_network(f"{parsed}/{prefix}", strict=False))


@lru_cache(maxsize=1024)
def _parse_address(address: str) -> IPv4Address | IPv6Address:
    if "%" in address:  # An IPv6 zone names an interface of another machine.
        raise ValueError(address)
    written = ADDRESS.fullmatch(address)
    parsed = ip_address((written["bracketed"] or written["plain"]) if written else address)
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    return mapped or parsed
