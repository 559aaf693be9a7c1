"""Service accounts in Django admin, with pages that create and disable their secrets."""

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.contrib.auth import get_permission_codename, get_user_model
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Field, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from tokens.admin.authority import may_manage
from tokens.admin.fields import NamesField, audience_field, owners_field, scope_field
from tokens.admin.lists import BigTableAdmin, ShownInline
from tokens.admin.managed import ManagedAdmin
from tokens.admin.secret_form import SecretForm, new_sid
from tokens.conf import conf
from tokens.errors import DuplicateSecretError
from tokens.http.error_reports import without_values_in_errors
from tokens.models import ServiceAccount, ServiceSecret
from tokens.service_accounts.accounts import create_secret, disable, sessions_of


class SecretsInline(ShownInline):
    """The secrets of the account, the newest first."""

    model = ServiceSecret
    verbose_name_plural = _("secrets")
    none = _("No secret yet.")
    readonly_fields = ("name", "state", "disable")
    ordering = ("-pk",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ServiceSecret]:
        rows = super().get_queryset(request).select_related("session", "created_by")
        return rows.defer("digest")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        columns = ("name", "state", "created_at", "created_by", "expires_at", "last_used_at")
        permitted = obj is not None and request.user.has_perm("tokens.change_serviceaccount")
        may_disable = permitted and may_manage(request.user, obj)
        return (*columns, "disable") if may_disable else columns

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True  # The page of the account has checked the permission for the account.

    @admin.display(description=_("secret"))
    def name(self, secret: ServiceSecret) -> str:
        return str(secret)

    @admin.display(description=_("state"))
    def state(self, secret: ServiceSecret) -> str:
        if secret.session.revoked_at is not None:
            return gettext("disabled")
        return gettext("active") if secret.is_active else gettext("expired")

    @admin.display(description=_("action"))
    def disable(self, secret: ServiceSecret) -> str:
        if not secret.is_active:
            return ""
        page = reverse(
            "admin:tokens_serviceaccount_disable_secret", args=[secret.account_id, secret.pk]
        )
        return format_html('<a href="{}">{}</a>', page, gettext("Disable"))


class ServiceAccountForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic when it runs
    """The form of an account, whose new expiry is in the future.

    Scopes and audiences that were removed from the settings stay stored until a person unchecks
    them. If the settings get them back, the account has them again.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            if isinstance(field, NamesField):
                field.keep_removed(getattr(self.instance, name))

    def clean_audience(self) -> str:
        audience: str = self.cleaned_data["audience"]
        stored = self.instance.audience.split()
        if stored and not audience and conf().audience not in stored:
            sentence = gettext(
                "Choose at least one audience. Without any, tokens of this account would be for"
                " this site."
            )
            raise forms.ValidationError(sentence)
        return audience

    def clean_expires_at(self) -> datetime | None:
        moment: datetime | None = self.cleaned_data["expires_at"]
        if moment and moment <= timezone.now() and "expires_at" in self.changed_data:
            sentence = gettext("This time has passed. To disable the account now, clear “Enabled”.")
            raise forms.ValidationError(sentence)
        return moment

    def clean(self) -> dict[str, Any]:
        """Keep the stored order of unchanged names: it decides which audience is the default."""
        super().clean()
        unchanged = {"scope", "audience"} & self.cleaned_data.keys() - {*self.changed_data}
        return self.cleaned_data | {name: getattr(self.instance, name) for name in unchanged}


@admin.register(ServiceAccount)
class ServiceAccountAdmin(ManagedAdmin, BigTableAdmin):
    """Service accounts and their secrets.

    The permission to change service accounts includes creating and disabling secrets.
    """

    form = ServiceAccountForm
    change_form_template = "admin/service_account.html"
    list_display = ("name", "is_active", "scope", "expires_at", "created_at", "created_by")
    list_filter = ("is_active",)
    list_select_related = ("created_by",)
    lookups = frozenset({"is_active__exact"})
    sortable_by = ("name",)
    ordering = ("name",)
    search_fields = ("name", "id", "prefix")
    max_words = 50  # A name has so many at most. The search compares the text as a whole.
    search_help_text = _(
        "The first characters of a name or of a secret (at most 13), or a complete client id."
    )
    fields = (
        *("id", "name", "description", "owners", "scope", "audience", "expires_at", "is_active"),
        *("created_at", "created_by"),
    )
    readonly_fields = ("id", "created_at", "created_by")
    inlines = (SecretsInline,)
    actions = ("delete_selected",)

    def search(self, queryset: QuerySet[Any], words: str) -> QuerySet[Any]:
        with suppress(ValueError):
            return queryset.filter(pk=UUID(words))
        secrets = ServiceSecret.objects.filter(prefix__startswith=words)
        return queryset.filter(Q(name__istartswith=words) | Q(pk__in=secrets.values("account")))

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        unset = () if obj else self.get_readonly_fields(request)
        return tuple(name for name in self.fields if name not in unset)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[Any, ...]:
        """Return the owners as well if the staff user may not view users.

        The field tells whether a user exists, and the user name of an e-mail address.
        """
        opts = get_user_model()._meta
        names = (get_permission_codename(does, opts) for does in ("view", "change"))
        may_view = any(request.user.has_perm(f"{opts.app_label}.{name}") for name in names)
        return self.readonly_fields if may_view else (*self.readonly_fields, "owners")

    def formfield_for_dbfield(
        self, db_field: "Field[Any, Any]", request: HttpRequest, **kwargs: Any
    ) -> Any:
        label = str(capfirst(db_field.verbose_name))
        match db_field.name:
            case "scope":
                return scope_field(label, request.user)
            case "audience":
                return audience_field(label)
            case "owners":
                return owners_field(label)
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if isinstance(field, forms.SplitDateTimeField):
            day, moment = field.widget.widgets
            day.attrs["aria-label"] = gettext("Day of expiry")
            moment.attrs["aria-label"] = gettext("Time of expiry")
            field.help_text = gettext(
                "A day and a time, or neither. Without them, the account does not expire."
            )
        return field

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change:
            obj.created_by = request.user
        disabled = sessions_of(obj).active().count() if change and not obj.is_active else 0
        super().save_model(request, obj, form, change)
        if disabled:
            sentence = gettext(
                "Secrets disabled: %(count)s. They stay disabled if you enable the account again."
            )
            messages.warning(request, sentence % {"count": disabled})

    def response_post_save_add(self, request: HttpRequest, obj: Any) -> HttpResponseRedirect:
        if not self.has_change_permission(request, obj):
            return super().response_post_save_add(request, obj)
        if obj.is_active:
            sentence = gettext("The account has no secret yet. The next step is “Create secret”.")
            messages.info(request, sentence)
        return redirect("admin:tokens_serviceaccount_change", obj.pk)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        row = context["original"]
        context["may_create_secret"] = (
            row and row.is_active and self.has_change_permission(request, row)
        )
        return super().render_change_form(request, context, *args, **kwargs)

    def get_urls(self) -> list[Any]:
        view, name = self.admin_site.admin_view, "tokens_serviceaccount"
        create, disable = view(self.create_secret), view(self.disable_secret)
        return [
            path("<uuid:pk>/secrets/add/", create, name=f"{name}_create_secret"),
            path("<uuid:pk>/secrets/<int:secret>/disable/", disable, name=f"{name}_disable_secret"),
            *super().get_urls(),
        ]

    @method_decorator(without_values_in_errors)
    def create_secret(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Ask for the lifetime of a new secret, create it, and show it in this answer only."""
        account = self.account(request, pk)
        if not account.is_active:
            sentence = gettext("Enable the service account before you create a secret.")
            messages.error(request, sentence)
            return redirect("admin:tokens_serviceaccount_change", account.pk)
        form = SecretForm(request.POST or None)
        if form.is_valid():
            return self.show_new_secret(request, account, form)
        title = gettext("Create a secret")
        context = {"account": account, "form": form, "sid": new_sid(), "title": title}
        return self.page(request, "admin/service_secret.html", context)

    def show_new_secret(
        self, request: HttpRequest, account: ServiceAccount, form: SecretForm
    ) -> HttpResponse:
        """Create the secret and show it, or say that this form has created one before."""
        values = form.cleaned_data
        lifetime, actor = timedelta(days=values["days"]), request.user
        try:
            with transaction.atomic():
                secret, text = create_secret(
                    account, lifetime=lifetime, created_by=actor, sid=values["sid"]
                )
                sentence = gettext("Created the secret %(secret)s.") % {"secret": secret}
                self.log_change(request, account, sentence)
        except DuplicateSecretError:
            sentence = gettext(
                "This secret was already created. The site cannot show it again. If you did not"
                " copy it, disable it and create another one."
            )
            messages.warning(request, sentence)
            return redirect("admin:tokens_serviceaccount_change", account.pk)
        credentials = f"client_id: {account.pk}\nclient_secret: {text}"
        title = gettext("The new secret")
        context = {"account": account, "credentials": credentials, "secret": secret, "title": title}
        return self.page(request, "admin/service_secret.html", context)

    def disable_secret(self, request: HttpRequest, pk: UUID, secret: int) -> HttpResponse:
        """Ask for confirmation, and disable the secret."""
        account = self.account(request, pk)
        rows = account.secrets.select_related("session")
        row = get_object_or_404(rows, pk=secret)
        if request.method == "POST":
            with transaction.atomic():
                if disable(row):
                    sentence = gettext("Disabled the secret %(secret)s.") % {"secret": row}
                    self.log_change(request, account, sentence)
                    messages.success(request, sentence)
            return redirect("admin:tokens_serviceaccount_change", account.pk)
        context = {"account": account, "secret": row, "title": gettext("Disable a secret")}
        return self.page(request, "admin/service_secret_disable.html", context)

    def account(self, request: HttpRequest, pk: UUID) -> ServiceAccount:
        """Return the service account if this staff user may change it; refuse otherwise."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        account = get_object_or_404(ServiceAccount, pk=pk)
        if not self.has_change_permission(request, account):
            raise PermissionDenied
        return account

    def page(self, request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
        site = self.admin_site.each_context(request)
        return TemplateResponse(request, template, {**site, "opts": self.opts, **context})
