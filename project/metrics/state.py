"""The state of the site at the time of a scrape: three queries."""

from collections.abc import Callable, Iterator
from datetime import datetime

from django.db import DatabaseError
from django.db.models import Count, Min
from django.utils import timezone
from django_tasks.base import TaskResultStatus
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from accounts.mail.queue import WAITING_SINCE, queued
from project.connections import check_connections, open_connections
from tokens.keys.keyring import keyring
from tokens.models import SigningKey
from tokens.revocation import snapshot

#: Returns how many requests wait for a thread. The server replaces it.
count_waiting: Callable[[], int] = int  # 0
QUEUED = (TaskResultStatus.READY, TaskResultStatus.RUNNING, TaskResultStatus.FAILED)


def state() -> Iterator[Metric]:
    """Yield the gauges. If the database cannot be reached, those that need it are left out."""
    yield from of_snapshot()
    yield from of_process()
    try:
        stored = [*of_keys(), *of_mail()]
    except DatabaseError:
        check_connections()
        stored = []
    yield gauge("database_up", "Whether the database answered.", int(bool(stored)))
    yield from stored


def of_snapshot() -> Iterator[Metric]:
    """Yield the age and the size of the snapshot of revocations in the process that answers."""
    last = snapshot.revocations.last()
    if last is None:
        return
    found, age = last
    size = len(found.sessions) + len(found.roles_versions) + len(found.tokens)
    yield gauge("snapshot_age_seconds", "The age of this process's snapshot.", age)
    yield gauge("snapshot_entries", "The revocations in this process's snapshot.", size)
    sentence = "Whether the snapshot is complete. If not, each request costs a query."
    yield gauge("snapshot_complete", sentence, int(found.complete))


def of_keys() -> Iterator[Metric]:
    """Yield the number of published keys, and the age of the one that signs."""
    keys = keyring.current()
    signer = SigningKey.objects.get(kid=keys.signer.kid)
    yield gauge("signing_keys", "The published signing keys.", len(keys.keys))
    yield gauge("signing_key_age_seconds", "The age of the key that signs.", age(signer.signs_from))


def of_mail() -> Iterator[Metric]:
    """Yield the number of mails in the queue by their status, and the age of the oldest one."""
    rows = queued().filter(status__in=QUEUED).order_by().values_list("status")
    found = {
        status: (number, oldest)
        for status, number, oldest in rows.annotate(Count("pk"), oldest=Min(WAITING_SINCE))
    }
    queue = GaugeMetricFamily("latchkey_mails", "The mails in the queue.", labels=["status"])
    for status in QUEUED:
        queue.add_metric([status.value.lower()], found.get(status, (0, None))[0])
    yield queue
    waiting = found.get(TaskResultStatus.READY)
    oldest = age(waiting[1]) if waiting else 0
    yield gauge("oldest_mail_age_seconds", "The time that the oldest mail has waited.", oldest)


def of_process() -> Iterator[Metric]:
    """Yield the connections and the waiting requests of the process that answers."""
    sentence = "The connections of this process to the database."
    yield gauge("connections", sentence, len(open_connections()))
    sentence = "The requests of this process that wait for a thread."
    yield gauge("waiting_requests", sentence, count_waiting())


def gauge(name: str, sentence: str, value: float) -> Metric:
    return GaugeMetricFamily(f"latchkey_{name}", sentence, value=value)


def age(since: datetime) -> float:
    """Return the seconds since this time."""
    return (timezone.now() - since).total_seconds()
