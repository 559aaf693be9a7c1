"""Delete expired rows, in slices that are too short to disturb requests."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from tokens.conf import MIN_KEPT, conf
from tokens.models import BlacklistedToken, DeviceSession, Event, Kind, ServiceSecret

#: Events are searched for deleted users until they have this age. Purge more often than this.
ERASURE_AGE = timedelta(days=30)


def purge(size: int) -> Iterator[tuple[str, int]]:
    """Delete the expired rows in slices of at most `size`, each in a separate transaction.

    Yields the name of the rows and their number after each slice. The next purge deletes the rows
    that another transaction has locked and those that expire during this one.
    """
    moment = purge_cutoff()
    erase_deleted_users()
    for rows in expired_rows(moment):
        deleted = size
        while deleted == size:
            deleted = delete_unlocked(rows[:size])
            yield plural_name(rows), deleted
    # No index may contain `idle_expires_at`, so this part reads the whole table in slices.
    rows, last = DeviceSession.objects.order_by("pk"), 0
    while window := list(rows.filter(pk__gt=last).values_list("pk", "idle_expires_at")[:size]):
        expired = [pk for pk, idle_expires_at in window if idle_expires_at < moment]
        # The account of a service session can get a later expiry again.
        idle = rows.filter(pk__in=expired, idle_expires_at__lt=moment).exclude(kind=Kind.SERVICE)
        yield plural_name(rows), delete_unlocked(idle) if expired else 0
        last = window[-1][0]


def erase_deleted_users() -> None:
    """Erase the users from events that were written just after the deletion of their accounts.

    A request that refuses a user can find the account, and write the event when it is deleted.
    """
    recent = Event.objects.filter(created_at__gte=timezone.now() - ERASURE_AGE)
    recent.of_deleted_users().erase()


def expired_rows(moment: datetime) -> list[QuerySet[Any]]:
    """Return the expired rows of each table, the oldest first, in the order of an index."""
    tables: list[Any] = [DeviceSession, BlacklistedToken, ServiceSecret]
    expired = [table._base_manager.filter(expires_at__lt=moment) for table in tables]
    too_old = Event.objects.filter(created_at__lt=timezone.now() - conf().EVENTS_KEPT)
    return [*(rows.order_by("expires_at") for rows in expired), too_old.order_by("created_at")]


def purge_cutoff() -> datetime:
    """Return the cutoff: rows that expired before it can be deleted.

    A row stays until no server accepts a token of its session: neither the last refresh token, by
    a clock that is slow by the leeway, nor a replay of it, nor the last access token. Until then
    the row lets the site refuse invalid tokens and recognise reused ones. It stays for MIN_KEPT at
    least, because tokens may have been issued with longer settings, which an operator sets again.
    """
    have = conf()
    return timezone.now() - have.leeway - max(have.RETRY_WINDOW, have.access_lifetime, MIN_KEPT)


def delete_unlocked(rows: QuerySet[Any]) -> int:
    """Delete these rows, except locked ones, and return how many were deleted.

    A revocation may wait for this transaction, but this transaction never waits, so that the two
    cannot block each other.
    """
    with transaction.atomic():
        found = list(rows.select_for_update(skip_locked=True).values_list("pk", flat=True))
        return rows.model._base_manager.filter(pk__in=found).delete()[0] if found else 0


def plural_name(rows: QuerySet[Any]) -> str:
    """Return the name of these rows for people."""
    return str(rows.model._meta.verbose_name_plural)
