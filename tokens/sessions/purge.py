"""Deleting what is dead for good, in slices short enough to go unnoticed by who is served."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from tokens.conf import conf
from tokens.models import BlacklistedToken, DeviceSession


def purge(size: int) -> Iterator[tuple[str, int]]:
    """Delete the dead rows, each slice of at most `size` in a transaction of its own.

    Yields what was deleted, and how many, after each slice; a row that somebody has locked is left
    for the next time. What runs out meanwhile is left too.
    """
    moment = purge_cutoff()
    for rows in expired_rows(moment):
        deleted = size
        while deleted == size:
            deleted = delete_unlocked(rows.order_by("expires_at")[:size])
            yield plural_name(rows), deleted
    # No index may hold `idle_expires_at`, so rows dead by idleness are met on a walk.
    rows, last = DeviceSession.objects.order_by("pk"), 0
    while window := list(rows.filter(pk__gt=last).values_list("pk", "idle_expires_at")[:size]):
        dead = [pk for pk, idle_expires_at in window if idle_expires_at < moment]
        idle = rows.filter(pk__in=dead, idle_expires_at__lt=moment)
        yield plural_name(rows), delete_unlocked(idle) if dead else 0
        last = window[-1][0]


def expired_rows(moment: datetime) -> list[QuerySet[Any]]:
    """Return the sets of rows, one a table, that an index on `expires_at` finds to be dead."""
    tables: list[Any] = [DeviceSession, BlacklistedToken]
    return [table._base_manager.filter(expires_at__lt=moment) for table in tables]


def purge_cutoff() -> datetime:
    """Return the moment before which a row must have run out to be dead for good.

    Ended or not, a row stays until no token of it can pass anywhere: the last refresh token, by a
    clock that is slow by the leeway; its retransmission; the access token it was last spent for.
    As long as it stays, a dead token is refused by it and a reused one is recognised.
    """
    have = conf()
    return timezone.now() - have.leeway - max(have.RETRY_WINDOW, have.access_lifetime)


def delete_unlocked(rows: QuerySet[Any]) -> int:
    """Delete these rows but for those that somebody holds locked; return how many went.

    Whoever ends sessions may wait for this, but this waits for nobody: no two can block each other.
    """
    with transaction.atomic():
        found = list(rows.select_for_update(skip_locked=True).values_list("pk", flat=True))
        return rows.model._base_manager.filter(pk__in=found).delete()[0] if found else 0


def plural_name(rows: QuerySet[Any]) -> str:
    """Return what people call these rows."""
    return str(rows.model._meta.verbose_name_plural)
