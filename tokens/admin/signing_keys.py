"""The list of signing keys and their states, with buttons that rotate or replace them."""

from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from tokens.admin.lists import LimitedPaginator, RecordAdmin
from tokens.conf import conf
from tokens.keys.lifecycle import published, published_until, replace_all, rotate
from tokens.models import DeviceSession, Kind, SigningKey


@admin.register(SigningKey)
class SigningKeyAdmin(RecordAdmin):
    """The signing keys of access tokens. The site generates them; administrators can rotate."""

    list_display = ("kid", "algorithm", "state", "signs_from", "signs_until", "disappears")
    lookups = frozenset()
    fields = (
        *("kid", "algorithm", "state", "public_jwk"),
        *("published_at", "signs_from", "signs_until", "disappears"),
    )
    readonly_fields = ("state", "disappears")
    change_list_template = "admin/signing_keys.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[SigningKey]:
        return super().get_queryset(request).defer("private_key")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @admin.display(description=_("state"))
    def state(self, key: SigningKey) -> str:
        now = timezone.now()
        if key.signs_from > now:
            return gettext("signs later")
        if key.signs_until is None or key.signs_until > now:
            return gettext("signs")
        return gettext("verifies") if published([key]) else gettext("removed")

    @admin.display(description=_("disappears at"), ordering="disappears_at")
    def disappears(self, key: SigningKey) -> datetime | None:
        return published_until(key)

    def get_urls(self) -> list[Any]:
        rotate = self.admin_site.admin_view(require_POST(self.rotate))
        replace = self.admin_site.admin_view(self.replace)
        own = [
            path("rotate/", rotate, name="tokens_signingkey_rotate"),
            path("replace/", replace, name="tokens_signingkey_replace"),
        ]
        return [*own, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        may_rotate = request.user.has_perm("tokens.change_signingkey")
        return super().changelist_view(request, {"may_rotate": may_rotate})

    def rotate(self, request: HttpRequest) -> HttpResponse:
        """Publish the next key."""
        if not request.user.has_perm("tokens.change_signingkey"):
            raise PermissionDenied
        return self.report(request, rotate(), gettext("Rotated."))

    def replace(self, request: HttpRequest) -> HttpResponse:
        """Ask for a confirmation, and then replace all keys immediately."""
        if not request.user.has_perm("tokens.change_signingkey"):
            raise PermissionDenied
        if request.method == "POST" and "confirmed" in request.POST:
            replaced = gettext("Emergency: replaced all signing keys.")
            return self.report(request, replace_all(), replaced)
        clients = DeviceSession.objects.active().filter(kind=Kind.TOKEN)  # Browsers have no tokens.
        sessions = LimitedPaginator(clients.order_by("pk"), 1)
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Replace all keys now"),
            "opts": self.opts,
            "sessions": sessions.shown_count,
            "not_confirmed": request.method == "POST",
            "key_set_age": int(conf().JWKS_MAX_AGE.total_seconds()),
        }
        return TemplateResponse(request, "admin/replace_keys.html", context)

    def report(self, request: HttpRequest, key: SigningKey, sentence: str) -> HttpResponse:
        """Write the rotation to the history, and show the list with a message about the new key."""
        self.log_addition(request, key, sentence)
        begins = date_format(key.signs_from, "DATETIME_FORMAT")
        sentence = gettext("The key %(key)s is published and signs from %(begins)s.")
        messages.success(request, sentence % {"key": key, "begins": begins})
        return redirect("admin:tokens_signingkey_changelist")
