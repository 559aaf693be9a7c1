"""The list of security events, which is read-only, and its export as CSV."""

import csv
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import BadRequest, PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import path
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.text import format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from tokens.admin.lists import MAX_NAMED_USERS, LimitedPaginator, RecordAdmin, users_by_name
from tokens.models import Event, EventKind
from tokens.models.bidi import isolate
from tokens.sessions.networks import parse_address

#: A spreadsheet reads a cell that begins with one of these as a formula or a command.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
COLUMNS = (
    *("time", "kind", "reason", "about", "user", "changed_by"),
    *("ip_address", "device", "session", "count"),
)


def of_day(day: date) -> Q:
    """Return the condition that an event happened on this day, in the time zone of the site."""
    try:
        begin = timezone.make_aware(datetime.combine(day, time.min))
        return Q(created_at__gte=begin, created_at__lt=begin + timedelta(days=1))
    except OverflowError:  # at the end of the calendar
        return Q(pk__in=())


#: The hours that count as recent. The last one is the present hour.
RECENT_HOURS = 24


def recent_begin() -> datetime:
    """Return the beginning of the first of RECENT_HOURS."""
    return this_hour() - timedelta(hours=RECENT_HOURS - 1)


def this_hour() -> datetime:
    """Return the beginning of the present hour."""
    return timezone.localtime().replace(minute=0, second=0, microsecond=0)


class Day(admin.SimpleListFilter):
    """Filters by day: `today`, `yesterday`, a date such as 2026-11-28, or `recent`.

    `recent` is the present hour and the 23 hours before it, as on the first page.
    """

    title = _("day")
    parameter_name = "day"

    def lookups(
        self, request: HttpRequest, model_admin: "admin.ModelAdmin[Any]"
    ) -> list[tuple[str, str]]:
        named = [
            ("recent", gettext("last 24 hours")),
            ("today", gettext("today")),
            ("yesterday", gettext("yesterday")),
        ]
        day = self.day(request.GET.get("day", ""))
        return [*named, (day.isoformat(), day.isoformat())] if day else named

    def queryset(self, request: HttpRequest, queryset: QuerySet[Event]) -> QuerySet[Event]:
        today, chosen = timezone.localdate(), self.value() or ""
        if chosen == "recent":
            return queryset.filter(created_at__gte=recent_begin())
        if not chosen:
            return queryset
        days = {"today": today, "yesterday": today - timedelta(days=1)}
        day = days.get(chosen) or self.day(chosen)
        if day is None:
            raise IncorrectLookupParameters
        return queryset.filter(of_day(day))

    def day(self, text: str) -> date | None:
        with suppress(ValueError):
            return date.fromisoformat(text)
        return None


@admin.register(Event)
class EventAdmin(RecordAdmin):
    """All security events, the newest first. The permission to view them includes the export."""

    list_display = ("moment", "event", "user", "actor", "ip_address", "device_name", "about_text")
    list_filter = (Day, "kind")
    list_select_related = ("user", "actor")
    lookups = frozenset({"day", "kind__exact", "kind__in", "user__exact", "actor__exact"})
    ordering = ("-created_at", "-pk")
    search_fields = ("user", "actor", "sid", "ip_address", "created_at", "kind")
    search_help_text = format_lazy(
        _(
            "The first characters of a user name (at most {count} users), a complete IP address,"
            " a day such as 2026-11-28, a kind such as token_reused, or the id of a session or a"
            " user."
        ),
        count=MAX_NAMED_USERS,
    )
    fields = (
        *("moment", "event", "reason", "about", "user", "actor"),
        *("ip_address", "device_name", "sid", "count"),
    )
    readonly_fields = ("moment", "event", "device_name")
    change_list_template = "admin/events.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Event]:
        return super().get_queryset(request).defer("device_mark", "flood_key")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def search(self, queryset: QuerySet[Any], words: str) -> QuerySet[Any]:
        return queryset.filter(condition(words.strip()))

    @admin.display(description=_("time"), ordering="created_at")
    def moment(self, event: Event) -> str:
        moment = timezone.localtime(event.created_at)
        day, second = (date_format(moment, form) for form in ("SHORT_DATE_FORMAT", "H:i:s e"))
        return format_html("{}<br>{}", day, second)

    @admin.display(description=_("event"))
    def event(self, event: Event) -> str:
        parts = (event.get_kind_display(), event.get_reason_display())
        text = ": ".join(filter(None, parts))
        if event.count == 1:
            return text
        return gettext("%(event)s (%(count)s times)") % {"event": text, "count": event.count}

    @admin.display(description=_("device"))
    def device_name(self, event: Event) -> str:
        return event.device_name

    @admin.display(description=_("about"))
    def about_text(self, event: Event) -> str:
        return isolate(event.about)

    def get_urls(self) -> list[Any]:
        export = self.admin_site.admin_view(require_safe(self.export))
        return [path("export/", export, name="tokens_event_export"), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        return super().changelist_view(request, {"query": request.GET.urlencode()})

    def export(self, request: HttpRequest) -> HttpResponseBase:
        """Send the events that the list shows with the same query, at most as many, as CSV."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            listed = self.get_changelist_instance(request).queryset
        except IncorrectLookupParameters as error:
            raise BadRequest("The list has no such filter.") from error
        rows = listed[: LimitedPaginator.limit].iterator(chunk_size=1000)
        response = StreamingHttpResponse(lines(rows), content_type="text/csv; charset=utf-8")
        name = f"events-{timezone.localdate().isoformat()}.csv"
        response["Content-Disposition"] = f'attachment; filename="{name}"'
        return response


def condition(words: str) -> Q:
    """Return the condition of a search: for an id, an IP address, a day, or a kind and a name."""
    with suppress(ValueError):
        number = UUID(words)
        return Q(sid=number) | Q(user=number) | Q(actor=number)
    with suppress(ValueError):
        return Q(ip_address=str(parse_address(words)))
    with suppress(ValueError):
        return of_day(date.fromisoformat(words))
    if words in EventKind.values:
        return Q(kind=words)
    # A list of keys, not a subquery: PostgreSQL then uses one index for each column.
    users = [user["pk"] for user in users_by_name(words)]
    return Q(user__in=users) | Q(actor__in=users)


def lines(events: Iterable[Event]) -> Iterator[str]:
    """Yield the lines of the CSV file (RFC 4180), the first one with the names of the columns."""
    writer = csv.writer(Line())
    yield writer.writerow(COLUMNS)
    for event in events:
        about = (event.kind, event.reason, event.about, event.user or "", event.actor or "")
        where = (event.ip_address or "", event.device, event.sid or "", event.count)
        yield writer.writerow(map(cell, (event.created_at.isoformat(), *about, *where)))


def cell(value: Any) -> str:
    """Return the text of a cell, which no spreadsheet takes for a formula.

    In some languages a spreadsheet separates cells at semicolons.
    """
    text = str(value).replace(";", ",")
    return f"'{text}" if text.startswith(FORMULA) else text


class Line:
    """A file for csv.writer that returns each line instead of storing it."""

    def write(self, line: str) -> Any:
        return line
