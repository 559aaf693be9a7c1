"""Users and groups in Django admin.

A change here revokes sessions as any other change does. tokens/admin/authority.py decides which
accounts and groups a staff user may manage and which rights they may grant.
"""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.forms import (
    AdminPasswordChangeForm,
    AdminUserCreationForm,
    ReadOnlyPasswordHashField,
    ReadOnlyPasswordHashWidget,
    UserChangeForm,
)
from django.contrib.auth.hashers import is_password_usable
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.forms import ModelForm, Widget
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.text import format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django_tasks_db.models import DBTaskResult

from accounts.mail.notices import notify_owner
from accounts.models import INVALID_EMAIL, TAKEN_EMAIL, User
from accounts.user_actions import deactivate, revoke_sessions, send_invitation
from tokens.admin import BigTableAdmin, ManagedAdmin, SessionsInline
from tokens.models.users import find_by_login

# The queue would show e-mail addresses, and an administrator need not change it.
admin.site.unregister(DBTaskResult)
admin.site.unregister(Group)  # SiteGroupAdmin takes its place.

admin.site.index_title = _("Administration")


class PasswordWidget(ReadOnlyPasswordHashWidget):
    """Shows whether there is a password. Django's widget shows the beginning of salt and hash.

    Django's widget also parses the hash and fails with a damaged one.
    """

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        return {
            **Widget.get_context(self, name, value, attrs),
            "summary": [{"label": describe_password(value)}],
            "button_label": gettext("Reset password")
            if has_password(value)
            else gettext("Set password"),
        }


def has_password(stored: str) -> bool:
    return bool(stored) and is_password_usable(stored)


def describe_password(stored: str) -> str:
    return gettext("A password is set.") if has_password(stored) else gettext("No password is set.")


#: Django's text promises single sign-on and LDAP, which this site does not have.
WITHOUT_PASSWORD = _("Disabled: the user has no password, and chooses one by an invitation.")
#: What administrators cannot take away from themselves, because they could not undo it.
OWN_RIGHTS = {
    "is_active": _("You cannot deactivate yourself."),
    "is_staff": _("You cannot take away your own staff status."),
    "is_superuser": _("You cannot take away your own superuser status."),
}


class EmailForm(ModelForm):  # type: ignore[type-arg]  # not generic when it runs
    """A form that refuses a taken e-mail address at its field.

    Django shows the error of the database's constraint above the form.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "email" in self.fields:
            self.fields["email"].error_messages["invalid"] = INVALID_EMAIL

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"]
        if find_by_login(email).exclude(pk=self.instance.pk).exists():
            raise ValidationError(TAKEN_EMAIL)
        return email


class NewUserForm(EmailForm, AdminUserCreationForm):
    """The form of a new user."""

    usable_password = AdminUserCreationForm.create_usable_password_field(WITHOUT_PASSWORD)


class UserForm(EmailForm, UserChangeForm):  # type: ignore[type-arg]  # neither is this
    actor: Any  # SiteUserAdmin sets it.
    password = ReadOnlyPasswordHashField(
        widget=PasswordWidget, help_text=_("A new password revokes every session of this user.")
    )

    def clean(self) -> None:
        super().clean()
        if self.instance.pk != self.actor.pk:
            return
        for name, sentence in OWN_RIGHTS.items():
            if name in self.changed_data and not self.cleaned_data[name]:
                self.add_error(name, sentence)


class PasswordForm(AdminPasswordChangeForm):  # type: ignore[type-arg]  # nor this
    """Sets another user's password, and notifies the user."""

    # The script of Django's page shows this element while "Disabled" is chosen.
    usable_password_help_text: Any = format_lazy(
        '{}<ul id="id_unusable_warning" class="messagelist"><li class="warning">{}</li></ul>',
        WITHOUT_PASSWORD,
        _("The user loses the present password."),
    )

    def save(self, commit: bool = True) -> User:
        user: User = super().save(commit=False)
        with notify_owner(user):
            user.save()
        return user


class GroupFilter(admin.SimpleListFilter):
    """Users by group. Django's filter joins the tables and removes duplicates, which is slow."""

    title = _("group")
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
class SiteUserAdmin(ManagedAdmin, BigTableAdmin, UserAdmin):  # type: ignore[type-arg]  # nor this
    """Users and their sessions."""

    form = UserForm
    add_form = NewUserForm
    change_password_form = PasswordForm
    add_fieldsets = (
        (
            None,
            {
                "classes": ("wide",),
                # A user without a password can be invited by e-mail.
                "fields": ("username", "email", "usable_password", "password1", "password2"),
            },
        ),
    )
    fieldsets = (*(UserAdmin.fieldsets or ()), (_("Sessions"), {"fields": ("all_sessions",)}))
    readonly_fields = ("last_login", "date_joined", "all_sessions", "password_state")
    list_display = ("username", "email", "first_name", "last_name", "is_active", "is_staff")
    list_filter = ("is_active", "is_staff", "is_superuser", GroupFilter)
    sortable_by = ("username",)
    lookups = frozenset({"group", "is_active__exact", "is_staff__exact", "is_superuser__exact"})
    search_fields = ("username", "email", "first_name", "last_name")
    search_help_text = _("The first characters of a user name, an e-mail address or a name.")
    inlines = (SessionsInline,)
    actions = (send_invitation, revoke_sessions, deactivate, "delete_selected")

    def has_add_permission(self, request: HttpRequest) -> bool:
        # Django's page for a new user asks for both, but "save as new" asks for the first only.
        return super().has_add_permission(request) and self.has_change_permission(request)

    def get_form(
        self, request: HttpRequest, obj: User | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        form.actor = request.user  # type: ignore[attr-defined]  # a new class for each request
        return form

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[Any, ...]:
        fields = (*super().get_readonly_fields(request, obj),)
        return fields if request.user.is_superuser else (*fields, "is_staff", "is_superuser")

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None or self.has_change_permission(request, obj):
            return fieldsets
        # The button at the password would lead to a page that refuses this staff user.
        (title, options), *others = fieldsets
        return [(title, {**options, "fields": ("username", "password_state")}), *others]

    def user_change_password(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Set another user's password. For your own, the page of the site asks for the old one."""
        if kwargs.get("id") == str(request.user.pk):
            return redirect("password-change")
        return super().user_change_password(request, *args, **kwargs)

    @admin.display(description=_("password"))
    def password_state(self, user: User) -> str:
        return describe_password(user.password)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        if change and "email" in form.changed_data:
            obj.email_changed_at = timezone.now()  # It makes links to an earlier address invalid.
        with notify_owner(obj):
            super().save_model(request, obj, form, change)

    @admin.display(description=_("all sessions"))
    def all_sessions(self, user: User) -> str:
        page = reverse("admin:tokens_devicesession_changelist")
        text = gettext("Active, expired and revoked sessions")
        return format_html('<a href="{}?user__exact={}">{}</a>', page, user.pk, text)
