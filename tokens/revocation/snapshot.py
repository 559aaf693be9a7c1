"""What each process knows of keys and of the ends of the last minutes, so that no request asks.

Whoever carries an access token is believed without the database, unless the snapshot says that the
session has ended, that the roles in the token are out of date, or that this one token is
blacklisted. It is taken anew by the first request that finds it older than SNAPSHOT_INTERVAL, at
once after this process itself has changed something, and whole: a cursor would miss what is
committed late. If it cannot be taken, nobody is believed: the database's error becomes a 503.

Above MAX_ENTRIES the snapshot is not complete, and each request asks for the row of its session
instead. So neither the time of a renewal nor its memory grows with the number of ended sessions,
and signing in and out cannot force a change of the signing keys.
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
#: A snapshot lists so many ended sessions, sessions with changed roles and tokens at most.
MAX_ENTRIES = 20_000

log = structlog.stdlib.get_logger("latchkey.snapshot")


@dataclass(frozen=True)
class Revocations:
    """What was ended while tokens of it may live. A session's key is the integer of its `sid`.

    If it is not `complete` it lists nothing, and the row of the session has to be asked.
    """

    complete: bool
    sessions: frozenset[int]
    rights: Mapping[int, int]  # the version that the roles of a token must have, by session
    tokens: frozenset[str]  # blacklisted ones, by `jti`


def revocation_cutoff(now: datetime) -> datetime:
    """Return since when a session must have ended for no token of it to be living.

    The token may be minted by a clock that is fast, the session ended by one that is slow, and both
    judged by one that is right, with leeway. And a retry may be answered with a new access token
    until the revocation is committed.
    """
    return now - conf().access_lifetime - 2 * conf().leeway - MAX_LOCK_WAIT


def load() -> Revocations:
    """Return what the database knows now: three short queries, of MAX_ENTRIES rows at most."""
    now, have, most = timezone.now(), conf(), MAX_ENTRIES + 1
    begin = revocation_cutoff(now)
    # Sorted, so that PostgreSQL reads the index backwards and stops, and never the whole table.
    ended = DeviceSession.objects.filter(revoked_at__gte=begin).order_by("-revoked_at")[:most]
    moved = DeviceSession.objects.filter(rights_changed_at__gte=begin)
    moved = moved.order_by("-rights_changed_at")[:most]
    blacklisted = BlacklistedToken.objects.filter(expires_at__gte=now - 2 * have.leeway)
    # Sessions whose keys are gone are counted too: reading past them takes as long as listing them.
    listed = ~Q(revoked_at__in=keyring.current().everybody_ended_at)
    sessions = ended.aggregate(count=Count("pk"), packed=Packed("sid", filter=listed))
    rights = moved.aggregate(count=Count("pk"), packed=Packed("sid", "rights_version"))
    tokens = frozenset(blacklisted.values_list("jti", flat=True)[:most])
    if max(sessions["count"], rights["count"], len(tokens)) > MAX_ENTRIES:
        warn_of_size(int(monotonic() // 60))
        return Revocations(complete=False, sessions=frozenset(), rights={}, tokens=frozenset())
    number = int.from_bytes
    return Revocations(
        complete=True,
        sessions=frozenset([number(sid) for (sid,) in unpack("16s", sessions["packed"])]),
        rights={number(sid): version for sid, version in unpack("16sq", rights["packed"])},
        tokens=tokens,
    )


@lru_cache(maxsize=1)
def warn_of_size(minute: int) -> None:
    """Log that requests ask the database, once in each minute."""
    log.warning("snapshot_too_large", most=MAX_ENTRIES)


revocations = CachedValue(load)


@receiver(signals.session_ended)
@receiver(signals.rights_changed)
@receiver(signals.token_blacklisted)
def invalidate_revocations(**kwargs: Any) -> None:
    revocations.invalidate()
