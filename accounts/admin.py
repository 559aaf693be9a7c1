"""Users and groups in Django admin.

A change here ends sessions as any other change does. tokens/admin/authority.py decides which
accounts and groups a staff user may manage and which rights they may grant.
"""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.actions import delete_selected
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.forms import (
    AdminPasswordChangeForm,
    ReadOnlyPasswordHashField,
    ReadOnlyPasswordHashWidget,
    UserChangeForm,
)
from django.contrib.auth.hashers import is_password_usable
from django.contrib.auth.models import Group, Permission
from django.db.models import ManyToManyField, Model, QuerySet
from django.forms import Widget
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django_tasks_db.models import DBTaskResult

from accounts.invitations import send_invitation
from accounts.mail.notices import notify_owner
from accounts.models import User
from tokens.admin import BigTableAdmin, SelectionAdmin, SessionsInline
from tokens.admin.authority import held_groups, held_permissions, may_manage, select_manageable
from tokens.models import Reason
from tokens.sessions import lifecycle

# The queue shows addresses and has nothing that an administrator could do for it.
admin.site.unregister(DBTaskResult)
admin.site.unregister(Group)  # SiteGroupAdmin takes its place.

admin.site.site_header = admin.site.site_title = "Latchkey"
admin.site.index_title = "Administration"


class PasswordWidget(ReadOnlyPasswordHashWidget):
    """Says whether there is a password; Django's shows how salt and hash begin.

    Django's also takes the hash apart, and fails with one that is damaged.
    """

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        return {
            **Widget.get_context(self, name, value, attrs),
            "summary": [{"label": describe_password(value)}],
            "button_label": "Reset password" if has_password(value) else "Set password",
        }


def has_password(stored: str) -> bool:
    return bool(stored) and is_password_usable(stored)


def describe_password(stored: str) -> str:
    return "A password is set." if has_password(stored) else "No password is set."


class UserForm(UserChangeForm):  # type: ignore[type-arg]  # not generic when it runs
    password = ReadOnlyPasswordHashField(
        widget=PasswordWidget, help_text="A new password ends every session of this user."
    )


class PasswordForm(AdminPasswordChangeForm):  # type: ignore[type-arg]  # neither is this
    """Sets another user's password, and tells them."""

    def save(self, commit: bool = True) -> User:
        user: User = super().save(commit=False)
        with notify_owner(user):
            user.save()
        return user


class GroupFilter(admin.SimpleListFilter):
    """Who is a member. Django's own filter joins, and sorts out doublets of all that it found."""

    title = "group"
    parameter_name = "group"

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]
    ) -> list[tuple[str, str]]:
        return [(str(group.pk), group.name) for group in Group.objects.order_by("name")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> QuerySet[User]:
        chosen = self.value()
        if chosen not in dict(self.lookup_choices):
            return queryset
        members = User.groups.through.objects.filter(group=int(str(chosen)))
        return queryset.filter(pk__in=members.values("user"))


class ManagedAdmin(SelectionAdmin):
    """Users or groups, which a staff user changes and deletes only if they have all their rights.

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
        if db_field.related_model is Group:
            kwargs["queryset"] = held_groups(request.user)
        elif db_field.related_model is Permission:
            kwargs["queryset"] = held_permissions(request.user)
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        row, permitted = context["original"], super().has_change_permission(request)
        context["lacks_rights"] = row and permitted and not may_manage(request.user, row)
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.action(description="Delete selected %(verbose_name_plural)s", permissions=["delete"])
    def delete_selected(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        rows = select_manageable(request, queryset)
        return delete_selected(self, request, rows) if rows.exists() else None


@admin.register(Group)
class SiteGroupAdmin(ManagedAdmin, GroupAdmin):
    """Groups, which are the roles in access tokens."""

    fields = ("name", "permissions")
    actions = ("delete_selected",)

    def get_readonly_fields(
        self, request: HttpRequest, obj: Group | None = None
    ) -> tuple[Any, ...]:
        fields = (*super().get_readonly_fields(request, obj),)
        # A new name is a new role for every member.
        return fields if obj is None or request.user.is_superuser else (*fields, "name")


@admin.register(User)
class SiteUserAdmin(ManagedAdmin, BigTableAdmin, UserAdmin):  # type: ignore[type-arg]
    """Users, where they are signed in, and the end of that."""

    form = UserForm
    change_password_form = PasswordForm
    fieldsets = (*(UserAdmin.fieldsets or ()), ("Sessions", {"fields": ("all_sessions",)}))
    readonly_fields = ("last_login", "date_joined", "all_sessions", "password_state")
    list_display = ("username", "email", "first_name", "last_name", "is_active", "is_staff")
    list_filter = ("is_active", "is_staff", "is_superuser", GroupFilter)
    sortable_by = ("username",)
    lookups = frozenset({"group", "is_active__exact", "is_staff__exact", "is_superuser__exact"})
    search_fields = ("username", "email", "first_name", "last_name")
    search_help_text = "The first characters of a user name, an e-mail address or a name."
    inlines = (SessionsInline,)
    actions = ("end_sessions", send_invitation, "delete_selected")

    def has_add_permission(self, request: HttpRequest) -> bool:
        # Django's page for a new user asks for both, but "save as new" asks for the first only.
        return super().has_add_permission(request) and self.has_change_permission(request)

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[Any, ...]:
        fields = (*super().get_readonly_fields(request, obj),)
        return fields if request.user.is_superuser else (*fields, "is_staff", "is_superuser")

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None or self.has_change_permission(request, obj):
            return fieldsets
        # The button beside the password would lead to a page that refuses this staff user.
        (title, options), *others = fieldsets
        return [(title, {**options, "fields": ("username", "password_state")}), *others]

    @admin.display(description="password")
    def password_state(self, user: User) -> str:
        return describe_password(user.password)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        if change and "email" in form.changed_data:
            obj.email_changed_at = timezone.now()  # No link to an earlier address works any more.
        with notify_owner(obj):
            super().save_model(request, obj, form, change)

    @admin.display(description="all sessions")
    def all_sessions(self, user: User) -> str:
        page = reverse("admin:tokens_devicesession_changelist")
        return format_html('<a href="{}?user__exact={}">Living and ended ones</a>', page, user.pk)

    @admin.action(description="End every session of these users", permissions=["change"])
    def end_sessions(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        users = list(select_manageable(request, queryset))
        ended = lifecycle.revoke_sessions([user.pk for user in users], Reason.ADMIN)
        self.log_each(request, users, "Ended every session.")
        messages.success(request, f"Sessions ended: {ended}.")
