"""The list of all device sessions, and the active sessions on a user's page."""

from collections.abc import Iterable
from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.text import format_lazy
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from tokens.admin.authority import may_manage, select_manageable
from tokens.admin.lists import MAX_NAMED_USERS, RecordAdmin, ShownInline
from tokens.admin.previews import MAX_NAMED, count_users, preview
from tokens.admin.session_search import NEWEST, find_sessions
from tokens.http.request_context import state_of
from tokens.models import DeviceSession, Kind, Reason, ServiceAccount, ServiceSecret
from tokens.models.bidi import isolate

SECRETS = ("secret_hash", "nonce", "retry_hash", "credential_tag")
#: The reasons of a revocation in one or two words, for the list.
SHORT_REASONS = {
    Reason.LOGOUT: _("signed out"),
    Reason.LOGOUT_ALL: _("signed out"),
    Reason.CREDENTIALS_CHANGED: _("credentials"),
    Reason.REUSE: _("reuse"),
    Reason.ADMIN: _("administrator"),
    Reason.DEACTIVATED: _("deactivated"),
    Reason.DELETED: _("deleted"),
    Reason.EVICTED: _("too many"),
}


class Status(admin.SimpleListFilter):
    """Filters sessions that are active, revoked or expired."""

    title = _("status")
    parameter_name = "status"

    def lookups(
        self, request: HttpRequest, model_admin: "admin.ModelAdmin[Any]"
    ) -> list[tuple[str, str]]:
        return [
            ("active", gettext("active")),
            ("revoked", gettext("revoked")),
            ("expired", gettext("expired")),
        ]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[DeviceSession]
    ) -> QuerySet[DeviceSession]:
        now = timezone.now()
        expired = Q(expires_at__lte=now) | Q(idle_expires_at__lte=now)
        chosen = {
            "active": Q(revoked_at=None) & ~expired,
            "revoked": Q(revoked_at__isnull=False),
            "expired": Q(revoked_at=None) & expired,
        }
        return queryset.filter(chosen.get(self.value() or "", Q()))


class Columns:
    """The columns of a session. Its last use is shown as a day, without the time."""

    @admin.display(description=_("session"))
    def name(self, session: DeviceSession) -> str:
        return str(session.sid)[:8]

    @admin.display(description=_("device"))
    def device_name(self, session: DeviceSession) -> str:
        return session.device_name

    @admin.display(description=_("status"))
    def status(self, session: DeviceSession) -> str:
        if session.revoked_at is not None:
            reason = session.get_revoked_reason_display()
            return gettext("revoked: %(reason)s") % {"reason": reason}
        return gettext("active") if session.is_active else gettext("expired")

    @admin.display(description=_("status"))
    def short_status(self, session: DeviceSession) -> str:
        """The status as a coloured word. The tooltip has the complete reason and the time."""
        if session.revoked_at is None:
            state = "active" if session.is_active else "expired"
            return format_html('<span class="status {}">{}</span>', state, self.status(session))
        reason = SHORT_REASONS[Reason(session.revoked_reason)]
        return format_html(
            '<abbr class="status revoked" title="{}, {}">{}</abbr>',
            session.get_revoked_reason_display(),
            date_format(session.revoked_at, "DATETIME_FORMAT"),
            gettext("revoked: %(reason)s") % {"reason": reason},
        )

    @admin.display(description=_("last use"))
    def last_use(self, session: DeviceSession) -> str:
        return date_format(session.last_used_on)


@admin.register(DeviceSession)
class DeviceSessionAdmin(Columns, RecordAdmin):
    """All device sessions.

    A staff user with the permission to change sessions may revoke the sessions of the accounts
    that they may manage.
    """

    change_form_template = "admin/session.html"
    list_display = ("name", "short_status", "principal", "device_name", "ip_address", "last_use")
    list_filter = (Status, "kind", "revoked_reason")
    list_select_related = ("user", "service_secret__account")
    lookups = frozenset({"status", "kind__exact", "revoked_reason__exact", "user__exact"})
    search_fields = ("user", "sid", "ip_address", "device")
    search_help_text = format_lazy(
        _(
            "A user name or its beginning (at most {users} users), or a session id. Among the"
            " newest {sessions} sessions also an IP address or words of a device name."
        ),
        users=f"{MAX_NAMED_USERS:,}",
        sessions=f"{NEWEST:,}",
    )
    actions = ("revoke",)
    fields = (
        *("sid", "principal", "device_name", "kind", "status", "revoked_at"),
        *("created_at", "last_use", "last_moment", "ip_address", "user_agent"),
    )
    readonly_fields = ("principal", "device_name", "status", "last_use", "last_moment")

    def get_queryset(self, request: HttpRequest) -> QuerySet[DeviceSession]:
        return super().get_queryset(request).defer(*SECRETS, "service_secret__digest")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("tokens.change_devicesession")

    def search(self, queryset: QuerySet[Any], words: str) -> QuerySet[Any]:
        return queryset.filter(pk__in=find_sessions(words))

    def get_urls(self) -> list[Any]:
        end = self.admin_site.admin_view(require_POST(self.end))
        return [path("<int:pk>/end/", end, name="tokens_devicesession_end"), *super().get_urls()]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        session = cast("DeviceSession", context["original"])
        context["may_end"] = session.revoked_at is None and self.may_end(request, session)
        return super().render_change_form(request, context, *args, **kwargs)

    def may_end(self, request: HttpRequest, session: DeviceSession) -> bool:
        """Return whether `end` would revoke this session for the staff user."""
        if not self.has_revoke_permission(request):
            return False
        if session.kind != Kind.SERVICE:
            return session.user is None or may_manage(request.user, session.user)
        account = session.service_account
        if account is None or not request.user.has_perm("tokens.change_serviceaccount"):
            return False
        return may_manage(request.user, account)

    def end(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Revoke one session, and return to its page."""
        if not self.has_revoke_permission(request):
            raise PermissionDenied
        get_object_or_404(self.get_queryset(request), pk=pk)
        self.revoke_each(request, self.revocable(request, DeviceSession.objects.filter(pk=pk)))
        return redirect("admin:tokens_devicesession_change", pk)

    @admin.display(description=_("account"))
    def principal(self, session: DeviceSession) -> str:
        if session.kind != Kind.SERVICE:
            return str(session.user or self.get_empty_value_display())
        account = session.service_account
        return isolate(account.name) if account else self.get_empty_value_display()

    @admin.display(description=_("expires at the latest"))
    def last_moment(self, session: DeviceSession) -> str:
        return date_format(session.expires_at, "DATETIME_FORMAT")

    @admin.action(description=_("Revoke these sessions"), permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: Any) -> HttpResponse | None:
        """Revoke the sessions that a preview has shown; without one, return the preview.

        Sessions that began after the preview are left out, so that new sign-ins cannot prevent the
        revocation.
        """
        sessions, shown = self.revocable(request, queryset), request.POST.get("confirmed")
        if sessions and shown is None:
            return self.preview(request, sessions)
        confirmed = {*(shown or "").split()}
        self.revoke_each(request, [pk for pk in sessions if str(pk) in confirmed])
        return None

    def revocable(self, request: HttpRequest, queryset: Any) -> dict[int, Any]:
        """Return the ids of the sessions that the staff user may revoke now, with their users.

        A message names the accounts that are left out.
        """
        # Lists of ids: SQLite cannot parse a statement that contains the search several times.
        unrevoked = dict(queryset.filter(revoked_at=None).values_list("pk", "user"))
        owners = get_user_model()._base_manager.filter(pk__in={*unrevoked.values()} - {None})
        manageable = [*select_manageable(request, owners).values_list("pk", flat=True)]
        secrets = self.secrets_to_disable(request, [*unrevoked])
        services = Q(pk__in=[*secrets.values_list("session", flat=True)])
        people = ~Q(kind=Kind.SERVICE) & (Q(user=None) | Q(user__in=manageable))
        sessions = DeviceSession.objects.filter(pk__in=[*unrevoked]).filter(people | services)
        return dict(sessions.order_by("-pk").values_list("pk", "user"))

    def preview(self, request: HttpRequest, sessions: dict[int, Any]) -> HttpResponse:
        """Return the page that asks to confirm the revocation of these sessions."""
        number, pks = len(sessions), [*sessions]
        first = self.get_queryset(request).filter(pk__in=pks[: MAX_NAMED + 1]).order_by("-pk")
        named = first.select_related(*self.list_select_related)
        numbers = [
            ngettext("%(count)s session", "%(count)s sessions", number) % {"count": number},
            count_users(len({*sessions.values()} - {None})),
        ]
        if (current := state_of(request).session) and current.pk in sessions:
            numbers.append(gettext("You sign yourself out as well."))
        return preview(
            self,
            request,
            title=gettext("Revoke these sessions?"),
            numbers=numbers,
            names=[self.described(row) for row in named],
            confirmation=" ".join(map(str, pks)),
        )

    def described(self, session: DeviceSession) -> str:
        """Return the account, and what the list shows of the session, in one line."""
        parts = (self.name(session), session.device_name, session.ip_address or "")
        return f"{self.principal(session)} ({', '.join(filter(None, parts))})"

    def revoke_each(self, request: HttpRequest, sessions: Iterable[int]) -> None:
        """Revoke the sessions of these ids, which for a service account disables its secrets."""
        revoked = DeviceSession.objects.filter(pk__in=[*sessions]).revoke(Reason.ADMIN)
        self.log_each(request, revoked, gettext("Revoked."))
        level = messages.SUCCESS if revoked else messages.WARNING
        sentence = gettext("Sessions revoked: %(count)s.") % {"count": len(revoked)}
        messages.add_message(request, level, sentence)

    def secrets_to_disable(
        self, request: HttpRequest, sessions: list[int]
    ) -> QuerySet[ServiceSecret]:
        """Return the secrets of these session ids that the user may disable; warn about others.

        That takes the permission to change service accounts.
        """
        secrets = ServiceSecret.objects.filter(session__in=sessions)
        if not request.user.has_perm("tokens.change_serviceaccount"):
            if count := secrets.count():
                sentence = gettext("Left out, sessions of service accounts: %(count)s.")
                messages.warning(request, sentence % {"count": count})
            return secrets.none()
        accounts = ServiceAccount.objects.filter(pk__in=secrets.values("account"))
        return secrets.filter(account__in=select_manageable(request, accounts).values("pk"))


class SessionsInline(Columns, ShownInline):
    """The user's active sessions, each with a link to the page that revokes it."""

    model = DeviceSession
    verbose_name_plural = _("active sessions")
    none = _("No active session.")
    readonly_fields = ("device_name", "end", "last_use", "ip_address", "created_at", "kind")
    ordering = ("-pk",)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        permitted = obj is not None and request.user.has_perm("tokens.change_devicesession")
        if permitted and may_manage(request.user, obj):
            return self.readonly_fields
        return tuple(name for name in self.readonly_fields if name != "end")

    def get_queryset(self, request: HttpRequest) -> QuerySet[DeviceSession]:
        return DeviceSession.objects.active().order_by(*self.ordering).defer(*SECRETS)

    @admin.display(description=_("device"))
    def device_name(self, session: DeviceSession) -> str:
        page = reverse("admin:tokens_devicesession_change", args=[session.pk])
        return format_html('<a href="{}">{}</a>', page, session.device_name)

    @admin.display(description=_("action"))
    def end(self, session: DeviceSession) -> str:
        """A link and not a button, which would drop unsaved changes of the user."""
        return format_html(
            '<a href="{}" aria-label="{}">{}</a>',
            reverse("admin:tokens_devicesession_change", args=[session.pk]),
            gettext("Revoke the session of %(device)s…") % {"device": session.device_name},
            gettext("Revoke…"),
        )
