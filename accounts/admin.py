"""Users in Django admin. What is changed here ends sessions as it does anywhere else."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import (
    AdminPasswordChangeForm,
    ReadOnlyPasswordHashField,
    ReadOnlyPasswordHashWidget,
    UserChangeForm,
)
from django.contrib.auth.hashers import is_password_usable
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.forms import Widget
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django_tasks_db.models import DBTaskResult

from accounts.invitations import send_invitation
from accounts.models import User
from accounts.notices import told
from tokens import sessions
from tokens.admin import BigTableAdmin, SessionsInline
from tokens.models import Reason

# The queue shows addresses and has nothing that an administrator could do for it.
admin.site.unregister(DBTaskResult)

admin.site.site_header = admin.site.site_title = "Latchkey"
admin.site.index_title = "Administration"


class PasswordWidget(ReadOnlyPasswordHashWidget):
    """Says whether there is a password; Django's shows how salt and hash begin.

    Django's also takes the hash apart, and fails with one that is damaged.
    """

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        there = bool(value) and is_password_usable(value)
        return {
            **Widget.get_context(self, name, value, attrs),
            "summary": [{"label": "A password is set." if there else "No password is set."}],
            "button_label": "Reset password" if there else "Set password",
        }


class UserForm(UserChangeForm):  # type: ignore[type-arg]  # not generic when it runs
    password = ReadOnlyPasswordHashField(
        widget=PasswordWidget, help_text="A new password ends every session of this user."
    )


class PasswordForm(AdminPasswordChangeForm):  # type: ignore[type-arg]  # neither is this
    """Sets another user's password, and tells them."""

    def save(self, commit: bool = True) -> User:
        user: User = super().save(commit=False)
        with told(user):
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


@admin.register(User)
class SiteUserAdmin(BigTableAdmin, UserAdmin):  # type: ignore[type-arg]
    """Users, where they are signed in, and the end of that."""

    form = UserForm
    change_password_form = PasswordForm
    fieldsets = (*(UserAdmin.fieldsets or ()), ("Sessions", {"fields": ("all_sessions",)}))
    readonly_fields = ("last_login", "date_joined", "all_sessions")
    list_display = ("username", "email", "first_name", "last_name", "is_active", "is_staff")
    list_filter = ("is_active", "is_staff", "is_superuser", GroupFilter)
    sortable_by = ("username",)
    lookups = frozenset({"group", "is_active__exact", "is_staff__exact", "is_superuser__exact"})
    search_fields = ("username", "email", "first_name", "last_name")
    search_help_text = "The first characters of a user name, an e-mail address or a name."
    inlines = (SessionsInline,)
    actions = ("end_sessions", send_invitation)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        if change and "email" in form.changed_data:
            obj.email_changed_at = timezone.now()  # No link to an earlier address works any more.
        with told(obj):
            super().save_model(request, obj, form, change)

    @admin.display(description="all sessions")
    def all_sessions(self, user: User) -> str:
        page = reverse("admin:tokens_devicesession_changelist")
        return format_html('<a href="{}?user__exact={}">Living and ended ones</a>', page, user.pk)

    @admin.action(description="End every session of these users", permissions=["change"])
    def end_sessions(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        users = list(queryset)
        ended = sessions.end_sessions([user.pk for user in users], Reason.ADMIN)
        self.log_each(request, users, "Ended every session.")
        messages.success(request, f"Sessions ended: {ended}.")
