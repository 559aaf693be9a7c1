"""The tables of service accounts and their secrets."""

from datetime import datetime
from uuid import uuid4

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from tokens.models.lines import validate_one_line
from tokens.models.querysets import CurrentQuerySet
from tokens.models.session import DeviceSession


class ServiceAccount(models.Model):
    """A program that authenticates with a secret. Its id is the `client_id` of its tokens.

    `scope` and `audience` are lists separated by spaces (RFC 6749, section 3.3): the most that a
    token of this account can contain.
    """

    id = models.UUIDField(_("client id"), primary_key=True, default=uuid4, editable=False)
    name = models.CharField(
        _("name"),
        max_length=100,
        unique=True,
        validators=[validate_one_line],
        error_messages={"unique": _("A service account with that name already exists.")},
    )
    description = models.TextField(_("description"), blank=True)
    owners = models.ManyToManyField(
        settings.AUTH_USER_MODEL,
        verbose_name=_("owners"),
        blank=True,
        related_name="service_accounts",
        help_text=_("People who receive mail about this account and its secrets."),
    )
    scope = models.TextField(_("scopes"), blank=True)
    audience = models.TextField(_("audiences"), blank=True)
    is_active = models.BooleanField(
        _("enabled"),
        default=True,
        help_text=_("Disabling an account disables its secrets for good."),
    )
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("created by"),
        on_delete=models.SET_NULL,
        null=True,
        editable=False,
        related_name="+",
    )

    objects = CurrentQuerySet["ServiceAccount"].as_manager()

    class Meta:
        verbose_name = _("service account")
        verbose_name_plural = _("service accounts")

    def __str__(self) -> str:
        return self.name


class ServiceSecret(models.Model):
    """One secret of a service account, and the device session that its tokens belong to.

    The secret itself is not stored. It is disabled by revoking its session. The row refers to the
    session without a foreign key constraint, so that purging sessions stays one fast DELETE.
    """

    account = models.ForeignKey(
        ServiceAccount,
        verbose_name=_("service account"),
        on_delete=models.CASCADE,
        related_name="secrets",
    )
    session = models.OneToOneField(
        DeviceSession,
        verbose_name=_("session"),
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        related_name="service_secret",
    )
    prefix = models.CharField(_("prefix"), max_length=20)
    digest: "models.BinaryField[bytes, bytes]" = models.BinaryField(max_length=32, unique=True)
    created_at = models.DateTimeField(_("created"))
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("created by"),
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
    )
    expires_at = models.DateTimeField(_("expires"), db_index=True)
    last_used_at = models.DateTimeField(_("last used"), null=True)

    objects = CurrentQuerySet["ServiceSecret"].as_manager()

    class Meta:
        verbose_name = _("service secret")
        verbose_name_plural = _("service secrets")
        default_permissions = ()  # the permissions for the account cover its secrets

    def __str__(self) -> str:
        return f"{self.prefix}…"

    @property
    def ends_at(self) -> datetime:
        """When the secret or the account expires, whichever is first."""
        account = self.account.expires_at
        return min(self.session.ends_at, account) if account else self.session.ends_at

    @property
    def is_active(self) -> bool:
        """Whether neither the secret nor its account is disabled or expired."""
        is_enabled = self.session.revoked_at is None and self.account.is_active
        return is_enabled and timezone.now() < self.ends_at
