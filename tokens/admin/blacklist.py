"""The blacklist: an administrator pastes a token to revoke it. Its text is not stored or shown."""

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
from django.utils.text import format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from tokens.admin.authority import may_manage
from tokens.admin.lists import MAX_NAMED_USERS, RecordAdmin, users_by_name
from tokens.errors import InactiveTokenError, UnknownTokenError
from tokens.http.error_reports import without_values_in_errors
from tokens.jwt.claims import AccessToken
from tokens.jwt.parsing import TOKEN_PATTERN, extract_token, verify_own
from tokens.models import BlacklistedToken, DeviceSession, Reason, ServiceSecret
from tokens.models.bidi import isolate
from tokens.revocation.blacklist import blacklist
from tokens.service_accounts import secrets
from tokens.service_accounts.accounts import disable, find_secret


class Unshown(forms.Textarea):
    """A text area that does not send the submitted text back to the browser."""

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
        help_text=_(
            "Paste a token or a secret that another person may have. The site then refuses an"
            " access token. A refresh token, even an old one, revokes its session. The secret of a"
            " service account is disabled. The text is not stored."
        ),
    )
    end_session = forms.BooleanField(
        required=False,
        label=_("Revoke the session of an access token as well"),
        help_text=_("The person signs in again on that device."),
    )

    def __init__(self, data: Any = None, *, actor: Any = None) -> None:
        super().__init__(data)
        self.actor = actor

    def clean_token(self) -> str:
        if secret := secrets.extract(self.cleaned_data["token"]):
            return secret
        raw = extract_token(self.cleaned_data["token"])
        if token := verify_own(raw):
            owner = get_user_model()._base_manager.filter(pk=token.sub).first()
            if owner and not may_manage(self.actor, owner):
                raise ValidationError(
                    _("This token belongs to an account that has rights that you do not have.")
                )
        return raw


def revoke(text: str) -> BlacklistedToken | DeviceSession | ServiceSecret:
    """Disable the secret of this text, or blacklist the token; return the row.

    Possession of a secret is the authorisation to disable it, as at /oauth/revoke. Raises
    UnknownTokenError or InactiveTokenError as `blacklist` does.
    """
    if not secrets.is_well_formed(text):
        if TOKEN_PATTERN.search(text):
            token = verify_own(text)
            if token and BlacklistedToken.objects.filter(jti=token.jti).exists():
                raise InactiveTokenError(gettext("This token was blacklisted before."))
            return blacklist(text, Reason.ADMIN)
        raise UnknownTokenError(explain_missing(text))
    secret = find_secret(text)
    if secret is None:
        raise UnknownTokenError(gettext("This site has no such secret, or it was purged."))
    if not secret.is_active or not disable(secret):
        about = {"secret": secret, "account": isolate(secret.account.name)}
        sentence = gettext("The secret %(secret)s of %(account)s was disabled or has expired.")
        raise InactiveTokenError(sentence % about)
    return secret


def end_session_of(text: str) -> DeviceSession | None:
    """Revoke the session of this access token, also of an invalid one; return its row.

    Returns None if the text is another one, if the token is a service account's, whose session is a
    secret, or if another caller has revoked the session.
    """
    token = verify_own(text)
    if not isinstance(token, AccessToken) or token.is_service:
        return None
    ended = DeviceSession.objects.filter(sid=token.sid).revoke(Reason.ADMIN)
    return ended[0] if ended else None


def explain_missing(text: str) -> str:
    """Return a sentence about a text that contains no token and no well-formed secret."""
    if secrets.is_mistyped(text):
        return gettext("The checksum of this secret is wrong. Copy the complete secret again.")
    return gettext("The text contains no token or secret of this site.")


@admin.register(BlacklistedToken)
class BlacklistAdmin(RecordAdmin):
    """The access tokens that were revoked before they expired. To add one, paste it."""

    list_display = ("jti", "token_type", "user", "reason", "created_at", "expires_at")
    list_filter = ("reason",)
    list_select_related = ("user",)
    lookups = frozenset({"reason__exact"})
    search_fields = ("user", "jti")
    search_help_text = format_lazy(
        _("The first characters of a user name (at most {count} users), or a complete token id."),
        count=MAX_NAMED_USERS,
    )
    fields = list_display

    def search(self, queryset: QuerySet[Any], words: str) -> QuerySet[Any]:
        return queryset.filter(Q(jti=words) | Q(user__in=users_by_name(words)))

    @method_decorator(without_values_in_errors)
    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Revoke the pasted token. No answer contains its text."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = BlacklistForm(request.POST or None, actor=request.user)
        if form.is_valid() and self.revoke_pasted(request, form):
            return redirect("admin:tokens_blacklistedtoken_add")
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Blacklist a token"),
            "opts": self.opts,
            "form": form,
        }
        return TemplateResponse(request, "admin/blacklist.html", context)

    def revoke_pasted(self, request: HttpRequest, form: BlacklistForm) -> bool:
        """Revoke the text of the form and report it, or add an error; return whether it worked."""
        text, ended = form.cleaned_data["token"], None
        if form.cleaned_data["end_session"]:
            ended = end_session_of(text)
        try:
            revoked = revoke(text)
        except (InactiveTokenError, UnknownTokenError) as error:
            if ended is None:
                form.add_error("token", str(error))
                return False
            messages.info(request, str(error))
        else:
            self.log_and_report(request, revoked)
        if ended is not None:
            self.log_change(request, ended, gettext("Revoked by one of its access tokens."))
            about = {"user": ended.user, "device": ended.device_name}
            sentence = gettext("Revoked: the session of %(user)s on %(device)s.")
            messages.success(request, sentence % about)
        return True

    def log_and_report(
        self, request: HttpRequest, revoked: BlacklistedToken | DeviceSession | ServiceSecret
    ) -> None:
        """Write the revocation to the admin's history and show a message about it."""
        if isinstance(revoked, ServiceSecret):
            name = {"secret": revoked, "account": isolate(revoked.account.name)}
            sentence = gettext("Disabled the secret %(secret)s of %(account)s.") % name
            self.log_change(request, revoked.account, sentence)
            messages.success(request, sentence)
            return
        if isinstance(revoked, BlacklistedToken):
            self.log_addition(request, revoked, gettext("Blacklisted."))
            sentence = gettext("Blacklisted: an access token of %(user)s.")
        else:
            self.log_change(request, revoked, gettext("Revoked by one of its refresh tokens."))
            sentence = gettext("Revoked: the session %(session)s of %(user)s, by a refresh token.")
        messages.success(request, sentence % {"user": revoked.user, "session": revoked})
