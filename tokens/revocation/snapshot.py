"""A snapshot of recent revocations in each process, with which requests need no query.

The site accepts an access token without a query, unless the snapshot lists its session as revoked,
its roles as outdated, or the token as blacklisted. The first request that finds the snapshot older
than SNAPSHOT_INTERVAL loads it again, and so does the first request after this process itself has
changed something. It is loaded as a whole, because a cursor would miss rows that are committed
late. If it cannot be loaded, the database's error becomes a 503, and no token is accepted.

Above MAX_ENTRIES the snapshot is not complete, and each request reads the row of its session
instead. Therefore neither the time of a reload nor its memory grows with the number of revoked
sessions, and signing in and out cannot force a change of the signing keys.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from time import monotonic
from typing import Any

import structlog
from django.db.models import Count, Q
from django.dispatch import receiver
from django.utils import timezone

from tokens import signals
from tokens.conf import conf
from tokens.keys.cached_value import CachedValue
from tokens.keys.keyring import keyring
from tokens.models import BlacklistedToken, DeviceSession
from tokens.models.packing import Packed, unpack

#: How long a transaction may last after it has revoked a session: other requests read the row as
#: it was until the commit.
MAX_LOCK_WAIT = timedelta(minutes=1)
#: The maximum number of revoked sessions, sessions with changed roles and tokens in a snapshot.
MAX_ENTRIES = 20_000

log = structlog.stdlib.get_logger("latchkey.snapshot")


@dataclass(frozen=True)
class Revocations:
    """Revoked sessions and tokens that may have unexpired access tokens.

    A session's key is the integer of its `sid`. If the snapshot is not `complete` it lists nothing,
    and the session's row decides.
    """

    complete: bool
    sessions: frozenset[int]
    roles_versions: Mapping[int, int]  # the smallest `rv` that is accepted, by session
    tokens: frozenset[str]  # blacklisted ones, by `jti`


def revocation_cutoff(now: datetime) -> datetime:
    """Return the cutoff: this site accepts no access token of sessions revoked before it.

    The clock of the server that minted the token may be fast, and that of the server that revoked
    the session slow, each by the leeway. Until the revocation is committed, a retry may still
    receive a new access token.
    """
    return now - conf().access_lifetime - 2 * conf().leeway - MAX_LOCK_WAIT


def load() -> Revocations:
    """Return the present revocations: three short queries, of MAX_ENTRIES rows at most."""
    now, have, most = timezone.now(), conf(), MAX_ENTRIES + 1
    begin = revocation_cutoff(now)
    # Sorted, so that PostgreSQL reads the index backwards and stops, and never the whole table.
    ended = DeviceSession.objects.filter(revoked_at__gte=begin).order_by("-revoked_at")[:most]
    moved = DeviceSession.objects.filter(roles_changed_at__gte=begin)
    moved = moved.order_by("-roles_changed_at")[:most]
    blacklisted = BlacklistedToken.objects.filter(expires_at__gte=now - 2 * have.leeway)
    # Sessions whose keys are gone are counted too: reading past them takes as long as listing them.
    listed = ~Q(revoked_at__in=keyring.current().all_revoked_at)
    sessions = ended.aggregate(count=Count("pk"), packed=Packed("sid", filter=listed))
    versions = moved.aggregate(count=Count("pk"), packed=Packed("sid", "roles_version"))
    tokens = frozenset(blacklisted.values_list("jti", flat=True)[:most])
    if max(sessions["count"], versions["count"], len(tokens)) > MAX_ENTRIES:
        warn_of_size(int(monotonic() // 60))
        return Revocations(
            complete=False, sessions=frozenset(), roles_versions={}, tokens=frozenset()
        )
    number = int.from_bytes
    return Revocations(
        complete=True,
        sessions=frozenset([number(sid) for (sid,) in unpack("16s", sessions["packed"])]),
        roles_versions={
            number(sid): version for sid, version in unpack("16sq", versions["packed"])
        },
        tokens=tokens,
    )


@lru_cache(maxsize=1)
def warn_of_size(minute: int) -> None:
    """Log once a minute that requests execute queries."""
    log.warning("snapshot_too_large", most=MAX_ENTRIES)


revocations = CachedValue(load)


@receiver(signals.session_ended)
@receiver(signals.roles_changed)
@receiver(signals.token_blacklisted)
def invalidate_revocations(**kwargs: Any) -> None:
    revocations.invalidate()
