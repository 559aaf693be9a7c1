"""Device sessions, blacklist and signing keys in Django admin: to read, and to end what must end.

Nothing that somebody could sign in with is shown, and no address can ask for it.
"""

from contextlib import suppress
from functools import reduce
from operator import or_
from typing import Any, ClassVar, cast
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.formats import date_format
from django.utils.functional import cached_property
from django.views.debug import SafeExceptionReporterFilter
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_POST

from tokens.blacklist import blacklist
from tokens.exceptions import TokenDeadError, TokenUnknownError
from tokens.models import BlacklistedToken, DeviceSession, Reason, SigningKey
from tokens.names import LONGEST_NAME
from tokens.signingkeys import replace_all, rotate

MOST_NAMED = 1000  # users, whose rows a search finds
SECRETS = ("secret_hash", "nonce", "retry_hash", "credential_tag")


class LimitedPaginator(Paginator):  # type: ignore[type-arg]  # not generic when it runs
    """Pages through the first rows, and counts no further: COUNT(*) reads the whole table."""

    limit = 10_000

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        counted: int = rows.order_by()[: self.limit].count()
        return counted


class BigTableAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
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
        return lookup in self.lookups

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        if len(search_term) > LONGEST_NAME:
            return queryset.none(), False
        return self.search(queryset, search_term) if search_term else queryset, False

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

    @admin.display
    def status(self, session: DeviceSession) -> str:
        if session.revoked_at is not None:
            return f"ended: {session.get_revoked_reason_display()}"
        return "living" if session.is_living else "ran out"

    @admin.display
    def last_use(self, session: DeviceSession) -> str:
        return date_format(session.last_used_on)


@admin.register(DeviceSession)
class DeviceSessionAdmin(Columns, RecordAdmin):
    """Every sign-in, and what became of it. Who may change sessions may end them."""

    list_display = ("name", "user", "device", "status", "created_at", "last_use", "kind")
    list_filter = (Status, "kind", "revoked_reason")
    list_select_related = ("user",)
    lookups = frozenset({"status", "kind__exact", "revoked_reason__exact", "user__exact"})
    search_fields = ("user", "sid")
    search_help_text = f"The beginning of a name, of {MOST_NAMED} users at most, or a whole sid."
    actions = ("end",)
    fields = (
        *("sid", "user", "device", "kind", "status", "revoked_at"),
        *("created_at", "last_use", "expires_at", "ip_address", "user_agent"),
    )
    readonly_fields = ("status", "last_use")

    def get_queryset(self, request: HttpRequest) -> QuerySet[DeviceSession]:
        return super().get_queryset(request).defer(*SECRETS)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_end_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("tokens.change_devicesession")

    def search(self, queryset: QuerySet[Any], words: str) -> QuerySet[Any]:
        with suppress(ValueError):
            return queryset.filter(sid=UUID(words))
        return queryset.filter(user__in=users_named(words))

    @admin.action(description="End these sessions", permissions=["end"])
    def end(self, request: HttpRequest, queryset: Any) -> None:
        ended = queryset.revoke(Reason.ADMIN)
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
    fields = readonly_fields = ("device", "kind", "created_at", "last_use", "ip_address")
    ordering = ("-pk",)
    extra = 0
    show_change_link = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[DeviceSession]:
        return DeviceSession.objects.living().order_by(*self.ordering).defer(*SECRETS)

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class Unshown(forms.Textarea):
    """A field whose text is sent and never sent back."""

    def format_value(self, value: Any) -> None:
        return None


class BlacklistForm(forms.Form):
    token = forms.CharField(
        widget=Unshown(
            attrs={
                "class": "vLargeTextField",
                "rows": 8,
                "autocomplete": "off",
                "spellcheck": "false",
            }
        ),
        help_text="An access token is refused from now on. A refresh token ends its session, "
        "however old the token is. The text is kept nowhere.",
    )

    def clean_token(self) -> str:
        # Mails and chats wrap long lines; no token has a blank in it.
        return "".join(self.cleaned_data["token"].split())


class DiscreetFilter(SafeExceptionReporterFilter):
    """Keeps what is sensitive out of error pages, those of DEBUG as well."""

    def is_active(self, request: HttpRequest | None) -> bool:
        return True


@admin.register(BlacklistedToken)
class BlacklistAdmin(RecordAdmin):
    """The single tokens that are refused before their time; adding one is pasting it."""

    list_display = ("jti", "token_type", "user", "reason", "created_at", "expires_at")
    list_filter = ("reason",)
    list_select_related = ("user",)
    lookups = frozenset({"reason__exact"})
    search_fields = ("user", "jti")
    search_help_text = f"The beginning of a name, of {MOST_NAMED} users at most, or a whole jti."
    fields = list_display

    def search(self, queryset: QuerySet[Any], words: str) -> QuerySet[Any]:
        return queryset.filter(Q(jti=words) | Q(user__in=users_named(words)))

    @method_decorator(sensitive_post_parameters())
    @sensitive_variables()
    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Take a token, recognise it and make it dead; what was pasted is never shown again."""
        request.exception_reporter_filter = DiscreetFilter()  # type: ignore[attr-defined]
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = BlacklistForm(request.POST or None)
        if form.is_valid():
            try:
                dead = blacklist(form.cleaned_data["token"], Reason.ADMIN)
            except (TokenDeadError, TokenUnknownError) as error:
                form.add_error("token", str(error))
            else:
                self.note(request, dead)
                return redirect("admin:tokens_blacklistedtoken_add")
        context = {
            **self.admin_site.each_context(request),
            "title": "Blacklist a token",
            "opts": self.opts,
            "form": form,
        }
        return TemplateResponse(request, "admin/blacklist.html", context)

    def note(self, request: HttpRequest, dead: BlacklistedToken | DeviceSession) -> None:
        """Log and say what the token was."""
        if isinstance(dead, BlacklistedToken):
            self.log_addition(request, dead, "Blacklisted.")
            what = f"an access token of {dead.user}"
        else:
            self.log_change(request, dead, "Ended by one of its refresh tokens.")
            what = f"a refresh token of {dead.user}, whose session {dead} is ended"
        messages.success(request, f"Recognised, and dead: {what}.")


def users_named(name: str) -> QuerySet[Any]:
    """Return the first users whose name begins so, in any case.

    All of them could be everybody, whom the database would gather before it looks at one session.
    """
    user = get_user_model()
    named = user._base_manager.filter((f"{user.USERNAME_FIELD}__istartswith", name))
    return named.order_by(user.USERNAME_FIELD).values("pk")[:MOST_NAMED]


@admin.register(SigningKey)
class SigningKeyAdmin(RecordAdmin):
    """The keys of access tokens, which the site makes; people have the next one made."""

    list_display = ("kid", "algorithm", "state", "signs_from", "signs_until", "disappears_at")
    lookups = frozenset()
    fields = (
        *("kid", "algorithm", "state", "public_jwk"),
        *("published_at", "signs_from", "signs_until", "disappears_at"),
    )
    readonly_fields = ("state",)
    change_list_template = "admin/signing_keys.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[SigningKey]:
        return super().get_queryset(request).defer("private_key")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @admin.display
    def state(self, key: SigningKey) -> str:
        now = timezone.now()
        if key.signs_from > now:
            return "waits to sign"
        if key.signs_until is None or key.signs_until > now:
            return "signs"
        gone = key.disappears_at is not None and key.disappears_at <= now
        return "is gone" if gone else "verifies"

    def get_urls(self) -> list[Any]:
        rotate = self.admin_site.admin_view(require_POST(self.rotate))
        own = [path("rotate/", rotate, name="tokens_signingkey_rotate")]
        return [*own, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        may_rotate = request.user.has_perm("tokens.change_signingkey")
        return super().changelist_view(request, {"may_rotate": may_rotate})

    def rotate(self, request: HttpRequest) -> HttpResponse:
        """Have the next key made, or all of them replaced by one if somebody else has one."""
        if not request.user.has_perm("tokens.change_signingkey"):
            raise PermissionDenied
        key = replace_all() if "emergency" in request.POST else rotate()
        self.log_addition(request, key, "Rotated.")
        begins = date_format(key.signs_from, "DATETIME_FORMAT")
        messages.success(request, f"The key {key} is published and signs from {begins} on.")
        return redirect("admin:tokens_signingkey_changelist")
