"""Whether a sign-in came from a device that the user has used before.

A device is known if an earlier sign-in of the user, for as long as EVENTS_KEPT, has the same mark:
the same label, the same kind of browser and system or program, and the same network. The network is
wider than the one that throttles count by, because the addresses of one home or phone change. The
first sign-in of an account is never new: nothing can be compared with it.
"""

import hashlib
import json
from ipaddress import ip_network

from tokens.models import DeviceSession
from tokens.models.user_agents import friendly_name
from tokens.sessions.networks import parse_address

#: The length of the prefix of a network that about one provider uses in one region.
PREFIXES = {4: 16, 6: 32}


def device_name(session: DeviceSession) -> str:
    """Return the label of the device, or the name that its User-Agent header gives it."""
    return session.device or friendly_name(session.user_agent)[:100]


def device_mark(session: DeviceSession) -> bytes:
    """Return the mark of the session's device, 8 bytes.

    The mark is not a secret. Two devices with the same mark count as one.
    """
    kind = friendly_name(session.user_agent)
    parts = [session.device, kind, region(session.ip_address)]
    return hashlib.sha256(json.dumps(parts).encode()).digest()[:8]


def region(address: str | None) -> str:
    """Return the wide network of this IP address, or "" without an address."""
    if address is None:
        return ""
    parsed = parse_address(address)
    return str(ip_network(f"{parsed}/{PREFIXES[parsed.version]}", strict=False))
