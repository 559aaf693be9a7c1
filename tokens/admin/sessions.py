"""Device sessions: every sign-in and what became of it, and those of one user."""

from contextlib import suppress
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format

from tokens.admin.authority import select_manageable
from tokens.admin.lists import MAX_NAMED_USERS, RecordAdmin, users_by_name
from tokens.models import DeviceSession, Reason

SECRETS = ("secret_hash", "nonce", "retry_hash", "credential_tag")


class Status(admin.SimpleListFilter):
    """Whether the sessions go on."""

    title = "status"
    parameter_name = "status"

    def lookups(
        self, request: HttpRequest, model_admin: "admin.ModelAdmin[Any]"
    ) -> list[tuple[str, str]]:
        return [("living", "living"), ("ended", "ended"), ("ran-out", "ran out")]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[DeviceSession]
    ) -> QuerySet[DeviceSession]:
        now = timezone.now()
        run_out = Q(expires_at__lte=now) | Q(idle_expires_at__lte=now)
        chosen = {
            "living": Q(revoked_at=None) & ~run_out,
            "ended": Q(revoked_at__isnull=False),
            "ran-out": Q(revoked_at=None) & run_out,
        }
        return queryset.filter(chosen.get(self.value() or "", Q()))


class Columns:
    """What is said of a session in few words, and of its last use the day alone."""

    @admin.display(description="session")
    def name(self, session: DeviceSession) -> str:
        return str(session.sid)[:8]

    @admin.display(description="device")
    def device_name(self, session: DeviceSession) -> str:
        return session.device_name

    @admin.display
    def status(self, session: DeviceSession) -> str:
        if session.revoked_at is not None:
            return f"ended: {session.get_revoked_reason_display()}"
        return "living" if session.is_active else "ran out"

    @admin.display
    def last_use(self, session: DeviceSession) -> str:
        return date_format(session.last_used_on)


@admin.register(DeviceSession)
class DeviceSessionAdmin(Columns, RecordAdmin):
    """Every sign-in, and what became of it.

    A staff user with the permission to change sessions may end those of the accounts that they may
    manage.
    """

    list_display = ("name", "user", "device_name", "status", "created_at", "last_use", "kind")
    list_filter = (Status, "kind", "revoked_reason")
    list_select_related = ("user",)
    lookups = frozenset({"status", "kind__exact", "revoked_reason__exact", "user__exact"})
    search_fields = ("user", "sid")
    search_help_text = (
        f"The beginning of a name, of {MAX_NAMED_USERS} users at most, or a whole sid."
    )
    actions = ("end",)
    fields = (
        *("sid", "user", "device_name", "kind", "status", "revoked_at"),
        *("created_at", "last_use", "expires_at", "ip_address", "user_agent"),
    )
    readonly_fields = ("device_name", "status", "last_use")

    def get_queryset(self, request: HttpRequest) -> QuerySet[DeviceSession]:
        return super().get_queryset(request).defer(*SECRETS)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_end_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("tokens.change_devicesession")

    def search(self, queryset: QuerySet[Any], words: str) -> QuerySet[Any]:
        with suppress(ValueError):
            return queryset.filter(sid=UUID(words))
        return queryset.filter(user__in=users_by_name(words))

    @admin.action(description="End these sessions", permissions=["end"])
    def end(self, request: HttpRequest, queryset: Any) -> None:
        owners = get_user_model()._base_manager.filter(
            pk__in=queryset.filter(revoked_at=None).values("user")
        )
        users = select_manageable(request, owners).values("pk")
        ended = queryset.filter(Q(user=None) | Q(user__in=users)).revoke(Reason.ADMIN)
        self.log_each(request, ended, "Ended.")
        messages.success(request, f"Sessions ended: {len(ended)}.")


class ShownOnly(forms.BaseInlineFormSet):  # type: ignore[type-arg]
    """Rows that are shown and never read back: what is posted about them changes none.

    A form would write the whole row, with what it was when it was read, over an ending.
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


class SessionsInline(Columns, admin.TabularInline):  # type: ignore[type-arg]
    """The sessions in which the user is signed in now."""

    model = DeviceSession
    formset = ShownOnly
    verbose_name_plural = "living sessions"
    fields = readonly_fields = ("device_name", "kind", "created_at", "last_use", "ip_address")
    ordering = ("-pk",)
    extra = 0
    show_change_link = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[DeviceSession]:
        return DeviceSession.objects.active().order_by(*self.ordering).defer(*SECRETS)

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False
