"""Lists of big tables: nothing is counted, sorted or read whole; records that nobody edits."""

from functools import reduce
from operator import or_
from typing import Any, ClassVar, cast
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth import get_user_model
from django.core.exceptions import BadRequest, ValidationError
from django.core.paginator import Paginator
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.functional import cached_property

from tokens.models.users import MAX_LOGIN_LENGTH

MAX_NAMED_USERS = 1000  # users, whose rows a search finds


class LimitedPaginator(Paginator):  # type: ignore[type-arg]  # not generic when it runs
    """Pages through the first rows, and counts no further: COUNT(*) reads the whole table."""

    limit = 10_000

    @cached_property
    def count(self) -> int:
        return min(self.limit, self.counted)

    @cached_property
    def counted(self) -> int:
        """How many rows there are; one more than the limit stands for any number beyond it."""
        rows: Any = self.object_list
        counted: int = rows.order_by()[: self.limit + 1].count()
        return counted

    @property
    def is_cut(self) -> bool:
        """Whether there are rows that are not listed."""
        return self.counted > self.limit

    @property
    def shown_count(self) -> str:
        """How many rows there are, for people to read."""
        return f"more than {self.limit:,}" if self.is_cut else str(self.count)


class SelectionAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """A list that answers 400 to an action on something that cannot be a primary key."""

    def response_action(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        try:
            for pk in request.POST.getlist(ACTION_CHECKBOX_NAME):
                self.opts.pk.clean(pk, None)
        except ValidationError as error:
            raise BadRequest("A selected row cannot exist.") from error
        return super().response_action(request, queryset)


class BigTableAdmin(SelectionAdmin):
    """A list of a table that may have millions of rows: nothing is counted, sorted or read whole.

    It is filtered by `lookups` and by nothing else: an address that compared a column which nobody
    is shown would tell what is in it.
    """

    paginator = LimitedPaginator
    change_list_template = "admin/big_change_list.html"
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    lookups: ClassVar[frozenset[str]]

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        return lookup in self.lookups and "\0" not in value  # which PostgreSQL refuses

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        if not (search_term and self.search_fields):
            return queryset, False
        if len(search_term) > MAX_LOGIN_LENGTH:
            return queryset.none(), False
        return self.search(queryset, search_term), False

    def search(self, queryset: QuerySet[Any], words: str) -> QuerySet[Any]:
        """Return the rows in which every word begins one of `search_fields`."""
        for word in words.split():
            begins = (Q((f"{name}__istartswith", word)) for name in self.search_fields)
            queryset = queryset.filter(reduce(or_, begins))
        return queryset

    def response_action(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        """Run an action on what the list reaches: "select all" means all that were counted."""
        listed = queryset.values("pk")[: LimitedPaginator.limit]
        return super().response_action(request, queryset.filter(pk__in=listed))

    def log_each(self, request: HttpRequest, rows: list[Any], message: str) -> None:
        """Note in the history of each row what this administrator did to it."""
        LogEntry.objects.log_actions(cast("UUID", request.user.pk), rows, CHANGE, message)


class RecordAdmin(BigTableAdmin):
    """Rows that the site writes, by rules of its own; people look at them, the newest first."""

    sortable_by = ()
    ordering = ("-pk",)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


def users_by_name(name: str) -> QuerySet[Any]:
    """Return the first users whose name begins so, in any case.

    All of them could be everybody, whom the database would gather before it looks at one session.
    """
    user = get_user_model()
    named = user._base_manager.filter((f"{user.USERNAME_FIELD}__istartswith", name))
    return named.order_by(user.USERNAME_FIELD).values("pk")[:MAX_NAMED_USERS]
