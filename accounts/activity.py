"""The security events of one user, in pages, for the user to review."""

import re

from accounts.models import User
from tokens.models import Event

PAGE = 50  # events
MAX_ID = 2**63 - 1


def recent_events(user: User, before: str = "") -> tuple[list[Event], int | None]:
    """Return a page of the user's events, the newest first: one query.

    `before` is the id of the last event of the page before. The second value is the `before` of the
    next page, or None on the last page. Raises ValueError if `before` cannot be an id.
    """
    events = Event.objects.filter(user=user.pk).order_by("-pk")
    if before:
        if not re.fullmatch("[0-9]{1,19}", before) or int(before) > MAX_ID:
            raise ValueError(before)
        events = events.filter(pk__lt=int(before))
    found = list(events.defer("device_mark", "flood_key")[: PAGE + 1])
    shown = found[:PAGE]
    return shown, shown[-1].pk if len(found) > PAGE else None
