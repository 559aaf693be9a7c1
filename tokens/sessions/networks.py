"""IP addresses as text, and the networks that count as one client."""

import re
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

#: An address as some proxies write it: with a port, and IPv6 in brackets.
ADDRESS = re.compile(r"\[(?P<bracketed>[^]]+)](:\d{1,5})?|(?P<plain>[^:]+):\d{1,5}")


def client_network(address: str | None) -> str:
    """Return the network that counts as one client: an IPv4 address, or a /64 of IPv6."""
    if address is None:
        return ""
    parsed = parse_address(address)
    prefix = 64 if parsed.version == 6 else 32
    return str(ip_network(f"{parsed}/{prefix}", strict=False))


@lru_cache(maxsize=1024)
def parse_address(address: str) -> IPv4Address | IPv6Address:
    """Return the address, or raise ValueError. An IPv4 address mapped into IPv6 becomes IPv4."""
    if "%" in address:  # An IPv6 zone names an interface of another machine.
        raise ValueError(address)
    written = ADDRESS.fullmatch(address)
    parsed = ip_address((written["bracketed"] or written["plain"]) if written else address)
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    return mapped or parsed
