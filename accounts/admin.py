"""Users in Django admin. What is changed here ends sessions as it does anywhere else."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import (
    ReadOnlyPasswordHashField,
    ReadOnlyPasswordHashWidget,
    UserChangeForm,
)
from django.contrib.auth.hashers import is_password_usable
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django_tasks_db.models import DBTaskResult

from accounts.invitations import send_invitation
from accounts.models import User
from tokens import sessions
from tokens.admin import BigTableAdmin, SessionsInline
from tokens.models import Reason

# The queue shows addresses and has nothing that an administrator could do for it.
admin.site.unregister(DBTaskResult)

admin.site.site_header = admin.site.site_title = "Latchkey"
admin.site.index_title = "Administration"


class PasswordWidget(ReadOnlyPasswordHashWidget):
    """Says whether there is a password; Django's shows how salt and hash begin."""

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        there = bool(value) and is_password_usable(value)
        summary = "A password is set." if there else "No password is set."
        return {**super().get_context(name, value, attrs), "summary": [{"label": summary}]}


class UserForm(UserChangeForm):  # type: ignore[type-arg]  # not generic when it runs
    password = ReadOnlyPasswordHashField(
        widget=PasswordWidget, help_text="A new password ends every session of this user."
    )


@admin.register(User)
class SiteUserAdmin(BigTableAdmin, UserAdmin):  # type: ignore[type-arg]
    """Users, where they are signed in, and the end of that."""

    form = UserForm
    fieldsets = (*(UserAdmin.fieldsets or ()), ("Sessions", {"fields": ("all_sessions",)}))
    readonly_fields = ("last_login", "all_sessions")
    list_display = ("username", "email", "first_name", "last_name", "is_active", "is_staff")
    list_filter = ("is_active", "is_staff", "is_superuser", "groups")
    sortable_by = ("username",)
    lookups = frozenset(
        f"{name}__exact" for name in ("is_active", "is_staff", "is_superuser", "groups__id")
    ) | {"groups__isnull"}
    search_fields = ("username", "email", "first_name", "last_name")
    search_help_text = "The first characters of a user name, an e-mail address or a name."
    inlines = (SessionsInline,)
    actions = ("end_sessions", send_invitation)

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
