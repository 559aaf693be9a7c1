"""What the processes count.

With PROMETHEUS_MULTIPROC_DIR, which the supervisor sets, each process writes its counters into a
file of that directory, and a scrape adds them up. Labels have few values: clients choose none.
"""

import os
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, cast

from django.contrib.auth.signals import user_login_failed
from django.dispatch import receiver
from prometheus_client import CollectorRegistry, Counter, Histogram, Metric
from prometheus_client.multiprocess import MultiProcessCollector

from tokens import signals
from tokens.errors import Refusal
from tokens.models import DeviceSession

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)  # seconds

registry = CollectorRegistry()


def counter(name: str, sentence: str, *labels: str) -> Counter:
    return Counter(f"latchkey_{name}", sentence, labels, registry=registry)


REQUESTS = counter("requests", "Requests that were answered.", "method", "route", "status")
SECONDS = Histogram(
    "latchkey_request_seconds",
    "The time between the arrival of a complete request and its answer.",
    ("route",),
    buckets=BUCKETS,
    registry=registry,
)
REFUSED = counter("refused_tokens", "Refresh and access tokens that were refused.", "reason")
SIGN_INS = counter("sign_ins", "Sessions that were started.", "kind")
FAILED_SIGN_INS = counter("failed_sign_ins", "Sign-ins with a wrong name or password.")
ENDED = counter("ended_sessions", "Sessions that were revoked.", "reason")
ROTATIONS = counter("rotations", "Refresh tokens that were replaced by a successor.")
UNSHARED = counter(
    "throttle_storage_failures", "Tries that were counted in one process only, without Redis."
)
#: The outcomes of a refresh with a token that was spent before.
SPENT = counter("spent_tokens", "Spent refresh tokens that were presented again.", "outcome")
OUTCOMES = {
    signals.refresh_token_sent_again: "sent again",
    signals.refresh_token_contended: "contended",
    signals.refresh_token_reused: "reused",
    signals.refresh_token_out_of_step: "out of step",
}


def count_request(
    method: str | None, route: str | None, status: int, seconds: float, refusal: Refusal | None
) -> None:
    """Count an answered request. `route` is None for an unknown path."""
    count, times = metrics_of(method if method in METHODS else "other", route or "", status)
    count.inc()
    times.observe(seconds)
    if refusal is not None:
        REFUSED.labels(refusal.name.lower()).inc()


@lru_cache(maxsize=1024)
def metrics_of(method: str, route: str, status: int) -> tuple[Counter, Histogram]:
    """Return the counter and the histogram of these labels: looking them up takes a lock each."""
    return REQUESTS.labels(method, route, status), SECONDS.labels(route)


@receiver(signals.session_started)
def count_sign_in(session: DeviceSession, **kwargs: Any) -> None:
    SIGN_INS.labels(session.kind).inc()


@receiver(user_login_failed)
def count_failed_sign_in(**kwargs: Any) -> None:
    FAILED_SIGN_INS.inc()


@receiver(signals.session_ended)
def count_end(session: DeviceSession, **kwargs: Any) -> None:
    ENDED.labels(session.revoked_reason).inc()


@receiver(signals.refresh_token_rotated)
def count_rotation(**kwargs: Any) -> None:
    ROTATIONS.inc()


@receiver([*OUTCOMES])
def count_spent_token(signal: signals.DomainSignal, **kwargs: Any) -> None:
    SPENT.labels(OUTCOMES[signal]).inc()


@receiver(signals.throttle_storage_failed)
def count_unshared_try(**kwargs: Any) -> None:
    UNSHARED.inc()


def counted() -> Iterable[Metric]:
    """Return the counters of all processes of this site, or of this one if it runs alone."""
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        collector: Any = MultiProcessCollector  # without annotations
        return cast("list[Metric]", collector(CollectorRegistry()).collect())
    return registry.collect()
