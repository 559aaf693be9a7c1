"""Signing keys: what each does now, and a button for the next one."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.utils import timezone
from django.utils.formats import date_format
from django.views.decorators.http import require_POST

from tokens.admin.lists import RecordAdmin
from tokens.keys.lifecycle import replace_all, rotate
from tokens.models import SigningKey


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
        emergency = "emergency" in request.POST
        key = replace_all() if emergency else rotate()
        done = "Emergency: replaced all signing keys." if emergency else "Rotated."
        self.log_addition(request, key, done)
        begins = date_format(key.signs_from, "DATETIME_FORMAT")
        messages.success(request, f"The key {key} is published and signs from {begins} on.")
        return redirect("admin:tokens_signingkey_changelist")
