"""Admin pages of rows that have rights: users, groups and service accounts."""

from typing import Any

from django.apps import apps
from django.contrib import admin
from django.contrib.admin.actions import delete_selected
from django.contrib.auth.models import Group, Permission
from django.db.models import ManyToManyField, Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from tokens.admin.authority import held_groups, held_permissions, may_manage, select_manageable
from tokens.admin.lists import SelectionAdmin


class ManagedAdmin(SelectionAdmin):
    """A list of rows with rights. A staff user changes and deletes rows whose rights they all have.

    The forms offer only the groups and permissions that the staff user has. A staff user with the
    permission to view the list may view every row.
    """

    change_form_template = "admin/managed_change_form.html"

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        permitted = super().has_change_permission(request, obj)
        return permitted and (obj is None or may_manage(request.user, obj))

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        permitted = super().has_delete_permission(request, obj)
        return permitted and (obj is None or may_manage(request.user, obj))

    def formfield_for_manytomany(
        self, db_field: "ManyToManyField[Any, Any]", request: HttpRequest, **kwargs: Any
    ) -> Any:
        held: dict[Any, Any] = {Group: held_groups, Permission: held_permissions}
        choose = held.get(db_field.related_model)
        limits = {"queryset": choose(request.user)} if choose else {}
        return super().formfield_for_manytomany(db_field, request, **kwargs, **limits)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        row, permitted = context["original"], super().has_change_permission(request)
        context["lacks_rights"] = row and permitted and not may_manage(request.user, row)
        return super().render_change_form(request, context, *args, **kwargs)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Return what a deletion deletes, without rows of relations: these have no page or name."""
        rows, counts, *others = super().get_deleted_objects(objs, request)
        models = apps.get_models(include_auto_created=True)
        tables = [model._meta for model in models if model._meta.auto_created]
        for table in tables:
            counts.pop(str(table.verbose_name_plural), None)
        names = tuple(f"{capfirst(table.verbose_name)}: " for table in tables)
        return without(rows, names), counts, *others

    @admin.action(description=_("Delete selected %(verbose_name_plural)s"), permissions=["delete"])
    def delete_selected(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        rows = select_manageable(request, queryset)
        return delete_selected(self, request, rows) if rows.exists() else None


def without(rows: list[Any], beginnings: tuple[str, ...]) -> list[Any]:
    """Return this nested list without the texts that begin with one of these."""
    kept = [without(row, beginnings) if isinstance(row, list) else row for row in rows]
    return [row for row in kept if row and not str(row).startswith(beginnings)]
