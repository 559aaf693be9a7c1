"""The state of the site on the first page of the admin, with a bounded number of queries.

Each panel needs the permission to view its list. No panel counts or reads a whole table.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache

from django.contrib.admin.utils import display_for_value
from django.db.models import Count, Q, Sum
from django.db.models.functions import TruncHour
from django.http import HttpRequest
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django_tasks.base import TaskResultStatus

from accounts.mail.queue import queued
from project.checks import findings
from tokens.admin.events import RECENT_HOURS, recent_begin, this_hour
from tokens.admin.lists import LimitedPaginator
from tokens.admin.session_search import NEWEST, is_recent
from tokens.conf import conf
from tokens.keys import lifecycle
from tokens.models import DeviceSession, Event, EventKind
from tokens.revocation.snapshot import revocations

SIGN_INS = (EventKind.SIGN_IN, EventKind.NEW_DEVICE)
MAX_ADDRESSES = 5


@dataclass(frozen=True)
class Bar:
    """A bar of a sparkline: `left` and `top` in the units of a viewBox of 24 by 10."""

    left: int
    top: float
    height: float


@dataclass(frozen=True)
class Panel:
    """A figure with a heading, its lines, a sparkline, and the list that has the details."""

    title: str
    figure: str = ""
    lines: list[str] = field(default_factory=list)
    hours: list[int] = field(default_factory=list)  # the oldest first
    link: str = ""
    is_alarming: bool = False

    @property
    def bars(self) -> list[Bar]:
        highest = max(self.hours, default=0) or 1
        heights = [10 * count / highest for count in self.hours]
        return [Bar(left, 10 - height, height) for left, height in enumerate(heights)]

    @property
    def description(self) -> str:
        """The values of the sparkline, for people who do not see it."""
        return _("Per hour, the oldest first: %(counts)s") % {
            "counts": ", ".join(map(str, self.hours))
        }


def panels(request: HttpRequest) -> list[Panel]:
    """Return the panels that this staff user may see."""
    shown: list[tuple[str, Callable[[], Iterable[Panel]]]] = [
        ("tokens.view_devicesession", sessions),
        ("tokens.view_event", events),
        ("tokens.view_signingkey", keys),
        ("", site),
    ]
    user = request.user
    return [
        panel
        for permission, build in shown
        if (user.has_perm(permission) if permission else user.is_superuser)
        for panel in build()
    ]


def list_of(model: str, **query: str) -> str:
    page = reverse(f"admin:tokens_{model}_changelist")
    return page + (
        "?" + "&".join(f"{name}={value}" for name, value in query.items()) if query else ""
    )


def sessions() -> Iterator[Panel]:
    """Two queries: the number of active sessions, and the hours of their last refreshes."""
    active = LimitedPaginator(DeviceSession.objects.active().order_by("pk"), 1)
    yield Panel(
        _("Active sessions"),
        active.shown_count,
        link=list_of("devicesession", status="active"),
    )
    # No index covers the time of the last refresh, because each refresh would have to update it.
    recent = DeviceSession.objects.filter(is_recent(), rotated_at__gte=recent_begin())
    hours = per_hour(recent.values_list(TruncHour("rotated_at")).annotate(Count("pk")))
    yield Panel(
        _("Last use in the last 24 hours"),
        ngettext("%(count)s session", "%(count)s sessions", sum(hours))
        % {"count": f"{sum(hours):,}"},
        [_("Among the newest %(count)s sessions.") % {"count": f"{NEWEST:,}"}],
        hours,
        link=list_of("devicesession"),
    )


def events() -> Iterator[Panel]:
    """Two queries: the events of the last 24 hours by kind and hour, and failures by address."""
    kinds = [*SIGN_INS, EventKind.TOKEN_REUSED, EventKind.TOKEN_CONTENDED]
    recent = Event.objects.filter(kind__in=kinds, created_at__gte=recent_begin())
    counted = list(recent.values_list("kind", TruncHour("created_at")).annotate(Sum("count")))
    hours = per_hour((hour, count) for kind, hour, count in counted if kind in SIGN_INS)
    yield Panel(
        _("Sign-ins in the last 24 hours"),
        f"{sum(hours):,}",
        hours=hours,
        link=list_of("event", day="recent", kind__in=",".join(SIGN_INS)),
    )
    for kind in (EventKind.TOKEN_REUSED, EventKind.TOKEN_CONTENDED):
        number = sum(count for found, _hour, count in counted if found == kind)
        yield Panel(
            str(kind.label),
            f"{number:,}",
            [_("In the last 24 hours.")],
            link=list_of("event", day="recent", kind__exact=kind),
            is_alarming=number > 0 and kind == EventKind.TOKEN_REUSED,
        )
    failed = Event.objects.filter(kind=EventKind.SIGN_IN_FAILED, created_at__gte=recent_begin())
    addresses = failed.values_list("ip_address").annotate(total=Sum("count")).order_by("-total")
    lines = [f"{display_for_value(ip, '–')}: {total:,}" for ip, total in addresses[:MAX_ADDRESSES]]
    yield Panel(
        _("Failed sign-ins by address"),
        "" if lines else "0",
        [*lines, _("In the last 24 hours.")],
        link=list_of("event", day="recent", kind__exact=EventKind.SIGN_IN_FAILED),
    )


def keys() -> Iterator[Panel]:
    """One query."""
    rows = lifecycle.published(lifecycle.all_rows())
    signing = lifecycle.select_signer(rows)
    lines = [f"{row.kid[:8]}… {row.algorithm}" for row in rows]
    if signing is not None:
        change = rows[-1].signs_from if rows[-1] != signing else next_change(signing.signs_from)
        lines.append(
            _("Next change: %(moment)s") % {"moment": date_format(change, "DATETIME_FORMAT")}
            if change
            else _("Next change: when an administrator rotates")
        )
    yield Panel(_("Signing keys"), str(len(rows)), lines, link=list_of("signingkey"))


def next_change(signs_from: datetime) -> datetime | None:
    """Return when the successor of the newest key signs, or None without SIGNING_KEY_AGE."""
    age = conf().SIGNING_KEY_AGE
    return signs_from + age + lifecycle.publication_lead() if age else None


def site() -> Iterator[Panel]:
    """One query: the mail queue. The snapshot and the checks are in the memory of the process."""
    states = queued().aggregate(
        waiting=Count("pk", filter=Q(status=TaskResultStatus.READY)),
        failed=Count("pk", filter=Q(status=TaskResultStatus.FAILED)),
    )
    failed = ngettext("%(count)s failed", "%(count)s failed", states["failed"])
    yield Panel(
        _("Mail queue"),
        str(states["waiting"]),
        [_("waiting"), failed % {"count": states["failed"]}],
        is_alarming=states["failed"] > 0,
    )
    yield Panel(
        _("Age of the list of revocations"),
        _("%(seconds).1f s") % {"seconds": revocations.age()},
        [_("In the process that answered.")],
    )
    found = deployment_findings()
    command = format_html('<span class="command">{}</span>', "check --deploy")
    title = format_html(_("Findings of {command}"), command=command)
    yield Panel(title, str(len(found)), list(found), is_alarming=bool(found))


@cache
def deployment_findings() -> tuple[str, ...]:
    """Return the messages of `manage.py check --deploy`. Settings do not change while it runs."""
    return tuple(message.msg for message in findings(deploy=True))


def per_hour(counted: Iterable[tuple[datetime, int]]) -> list[int]:
    """Return the counts of the last 24 hours, the oldest first, from pairs of hour and count."""
    hours = [0] * RECENT_HOURS
    for hour, count in counted:
        ago = (this_hour() - hour) // timedelta(hours=1)
        if 0 <= ago < RECENT_HOURS:
            hours[RECENT_HOURS - 1 - ago] += count
    return hours
