"""Admin lists of big tables, which never read the whole table, and of read-only records."""

from collections.abc import Iterable
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any, ClassVar, cast
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth import get_user_model
from django.core.exceptions import BadRequest, ValidationError
from django.core.paginator import Paginator
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.functional import cached_property
from django.utils.translation import gettext

from tokens.models.users import MAX_LOGIN_LENGTH
from tokens.signals import administrator_acted, publish

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

MAX_NAMED_USERS = 1000  # a search by name covers the rows of at most so many users
MAX_WORDS = 8  # of a search, because the database looks for each word in each row
MAX_VALUES = 20  # of one filter in a URL; SQLite fails with hundreds


class LimitedPaginator(Paginator):  # type: ignore[type-arg]  # not generic when it runs
    """Paginates the first `limit` rows and counts no others: COUNT(*) reads the whole table."""

    limit = 10_000

    @cached_property
    def count(self) -> int:
        return min(self.limit, self.counted)

    @cached_property
    def counted(self) -> int:
        """The number of rows, or `limit` + 1 if there are more than `limit`."""
        rows: Any = self.object_list
        counted: int = rows.order_by()[: self.limit + 1].count()
        return counted

    @property
    def is_cut(self) -> bool:
        """Whether the list leaves out some rows."""
        return self.counted > self.limit

    @property
    def shown_count(self) -> str:
        """The number of rows as text: "7" or "more than 10,000"."""
        more = gettext("more than %(limit)s") % {"limit": f"{self.limit:,}"}
        return more if self.is_cut else str(self.count)


class SelectionAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # not generic when it runs
    """A list that can be filtered by `lookups` only, and whose actions are security events.

    A URL that could filter by a hidden column or by a relation would reveal its values. A selected
    value that cannot be a primary key is a 400. The signal `administrator_acted` reports what the
    admin writes to its history.
    """

    lookups: ClassVar[frozenset[str]] = frozenset()
    max_words: ClassVar[int] = MAX_WORDS

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        values = request.GET.getlist(lookup) if request else [value]
        allowed = lookup in self.lookups and len(values) <= MAX_VALUES
        return allowed and "\0" not in value  # PostgreSQL refuses NUL.

    def to_field_allowed(self, request: HttpRequest, to_field: str) -> bool:
        # Django also allows relations of other models to this one, and then fails to read a value.
        names = {
            name for field in self.opts.concrete_fields for name in (field.name, field.attname)
        }
        return to_field in names and super().to_field_allowed(request, to_field)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        if not self.check_search(request, search_term):
            return queryset.none(), False
        return super().get_search_results(request, queryset, search_term)

    def check_search(self, request: HttpRequest, text: str) -> bool:
        """Return whether the list runs this search, and show a message if it has too many words."""
        if len(text.split()) > self.max_words:
            sentence = gettext("A search has at most %(count)s words. Search for fewer words.")
            messages.warning(request, sentence % {"count": self.max_words})
            return False
        return len(text) <= MAX_LOGIN_LENGTH and "\0" not in text

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> LogEntry:
        report_action([obj], "add", message)
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> LogEntry:
        report_action([obj], "change", message)
        return super().log_change(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: Iterable[Any]) -> Any:
        rows = [*queryset]
        report_action(rows, "delete")
        return super().log_deletions(request, cast("Any", rows))

    def response_action(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        try:
            for pk in request.POST.getlist(ACTION_CHECKBOX_NAME):
                self.opts.pk.clean(pk, None)
        except ValidationError as error:
            raise BadRequest("A selected row cannot exist.") from error
        return super().response_action(request, queryset)


class BigTableAdmin(SelectionAdmin):
    """A list of a table that may have millions of rows.

    It never counts, sorts or reads all rows.
    """

    paginator = LimitedPaginator
    change_list_template = "admin/big_change_list.html"
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        if not (search_term and self.search_fields):
            return queryset, False
        if not self.check_search(request, search_term):
            return queryset.none(), False
        return self.search(queryset, search_term), False

    def search(self, queryset: QuerySet[Any], words: str) -> QuerySet[Any]:
        """Return the rows in which each word is the beginning of one of `search_fields`."""
        for word in words.split():
            begins = (Q((f"{name}__istartswith", word)) for name in self.search_fields)
            queryset = queryset.filter(reduce(or_, begins))
        return queryset

    def get_inlines(self, request: HttpRequest, obj: Model | None) -> list[Any]:
        """Return those of an existing row: they only show rows, and a new row has none."""
        return [] if obj is None else [*super().get_inlines(request, obj)]

    def response_action(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        """Run an action on listed rows only: "select all" covers the first `limit` rows."""
        listed = queryset.values("pk")[: LimitedPaginator.limit]
        return super().response_action(request, queryset.filter(pk__in=listed))

    def log_each(self, request: HttpRequest, rows: list[Any], message: str) -> None:
        """Add an entry by this administrator to the history of each row."""
        report_action(rows, "change")
        LogEntry.objects.log_actions(cast("UUID", request.user.pk), rows, CHANGE, message)


class RecordAdmin(BigTableAdmin):
    """A list of rows that only the site's code writes. It is read-only, the newest row first."""

    sortable_by = ()
    ordering: ClassVar[tuple[str, ...]] = ("-pk",)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class ShownOnly(forms.BaseInlineFormSet):  # type: ignore[type-arg]  # not generic when it runs
    """A formset that shows rows and ignores what the browser posts.

    Saving a form would write the whole row as it was read, and could undo a revocation.
    """

    def __init__(
        self, data: Any = None, files: Any = None, save_as_new: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)

    def is_valid(self) -> bool:
        return True

    def save(self, commit: bool = True) -> list[Any]:
        self.new_objects, self.changed_objects, self.deleted_objects = [], [], []
        return []


class ShownInline(admin.TabularInline):  # type: ignore[type-arg]  # not generic when it runs
    """Read-only rows on the page of another row. `none` replaces an empty table."""

    formset = ShownOnly
    template = "admin/shown_rows.html"
    none: "str | _StrPromise"
    extra = 0

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


def report_action(rows: list[Any], action: str, message: Any = "") -> None:
    """Send the signal `administrator_acted`; `message` is that of the admin's history."""
    parts = message if isinstance(message, list) else []
    fields = [name for part in parts for name in part.get("changed", {}).get("fields", ())]
    if rows:
        about = {"rows": rows, "action": action, "fields": tuple(fields)}
        publish(administrator_acted, type(rows[0]), **about)


def users_by_name(name: str) -> QuerySet[Any]:
    """Return up to MAX_NAMED_USERS users whose name begins with this text, ignoring case.

    Without the limit, the database would collect all users before it looks at the first session.
    """
    user = get_user_model()
    named = user._base_manager.filter((f"{user.USERNAME_FIELD}__istartswith", name))
    return named.order_by(user.USERNAME_FIELD).values("pk")[:MAX_NAMED_USERS]
