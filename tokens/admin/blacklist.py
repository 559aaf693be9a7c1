"""The blacklist: a token is pasted, and dead; its text is kept and shown nowhere."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.decorators import method_decorator
from django.views.debug import SafeExceptionReporterFilter
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables

from tokens.admin.authority import may_manage
from tokens.admin.lists import MAX_NAMED_USERS, RecordAdmin, users_by_name
from tokens.errors import InactiveTokenError, UnknownTokenError
from tokens.jwt.parsing import extract_token, verify_own
from tokens.models import BlacklistedToken, DeviceSession, Reason
from tokens.revocation.blacklist import blacklist


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

    def __init__(self, data: Any, *, actor: Any) -> None:
        super().__init__(data)
        self.actor = actor

    def clean_token(self) -> str:
        raw = extract_token(self.cleaned_data["token"])
        if token := verify_own(raw):
            owner = get_user_model()._base_manager.filter(pk=token.sub).first()
            if owner and not may_manage(self.actor, owner):
                raise ValidationError(
                    "This token belongs to an account that has rights that you do not have."
                )
        return raw


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
    search_help_text = (
        f"The beginning of a name, of {MAX_NAMED_USERS} users at most, or a whole jti."
    )
    fields = list_display

    def search(self, queryset: QuerySet[Any], words: str) -> QuerySet[Any]:
        return queryset.filter(Q(jti=words) | Q(user__in=users_by_name(words)))

    @method_decorator(sensitive_post_parameters())
    @sensitive_variables()
    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Take a token, recognise it and make it dead; what was pasted is never shown again."""
        request.exception_reporter_filter = DiscreetFilter()  # type: ignore[attr-defined]
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = BlacklistForm(request.POST or None, actor=request.user)
        if form.is_valid():
            try:
                dead = blacklist(form.cleaned_data["token"], Reason.ADMIN)
            except (InactiveTokenError, UnknownTokenError) as error:
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
