"""Search the device sessions in the admin without reading the whole table."""

import re
from contextlib import suppress
from ipaddress import ip_address
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from tokens.admin.lists import users_by_name
from tokens.models import DeviceSession
from tokens.models.user_agents import WORDS

#: No index covers IP addresses and device names, because each sign-in would have to update it. A
#: search for them reads so many sessions at most.
NEWEST = 100_000
#: Lists show the first 8 hexadecimal digits of a `sid`.
SHORT_ID = re.compile(r"[0-9a-f]{8}", re.IGNORECASE)


def find_sessions(text: str) -> QuerySet[Any]:
    """Return the ids of the sessions that the text describes.

    The text is a complete or short `sid`, the beginning of a user name, or, for the newest
    sessions, an IP address or words of a device name. A complete `sid` finds its session only.
    """
    sessions = DeviceSession.objects.all()
    with suppress(ValueError):
        return sessions.filter(sid=UUID(text)).values("pk")
    # A union, because with OR the database would read every session.
    found = [
        sessions.filter(user__in=users_by_name(text)),
        sessions.filter(is_recent() & (_has_address(text) or _has_device(text))),
    ]
    if SHORT_ID.fullmatch(text):
        ends = UUID(text + "0" * 24), UUID(text + "f" * 24)
        found.append(sessions.filter(sid__range=ends))
    first, *others = (rows.values("pk") for rows in found)
    return first.union(*others)


def is_recent() -> Q:
    """Return the condition that a session is one of the NEWEST sessions."""
    ids = DeviceSession.objects.order_by("-pk").values("pk")
    return Q(pk__gte=Coalesce(Subquery(ids[NEWEST - 1 : NEWEST]), Value(0)))


def _has_address(text: str) -> Q | None:
    """Return the condition that the sign-in or the last refresh came from this IP address."""
    with suppress(ValueError):
        address = str(ip_address(text))
        return Q(ip_address=address) | Q(rotated_from=address)
    return None


def _has_device(text: str) -> Q:
    """Return the condition that each word is part of the device's name."""
    condition = Q()
    for word in [word for word in text.split() if word != "on"] or [text]:  # "Firefox on Linux"
        pattern = WORDS.get(word.casefold())
        header = Q(user_agent__regex=pattern) if pattern else Q(user_agent__icontains=word)
        condition &= Q(device__icontains=word) | header
    return condition
