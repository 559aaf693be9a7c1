"""The table of device sessions, each with its family of refresh tokens."""

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Self
from uuid import uuid4

from django.conf import settings
from django.core.exceptions import EmptyResultSet
from django.db import connections, models, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from tokens.models.bidi import isolate
from tokens.models.choices import Kind, Reason
from tokens.models.querysets import CurrentQuerySet
from tokens.models.user_agents import friendly_name
from tokens.signals import after_commit, session_ended

if TYPE_CHECKING:
    from tokens.models.service_account import ServiceAccount, ServiceSecret

#: A revocation that has waited longer than this for a row is dated again.
PROMPT = timedelta(seconds=1)


class DeviceSessionQuerySet(CurrentQuerySet["DeviceSession"]):
    """Sets of sessions, with `revoke` as the only way to revoke them."""

    def active(self) -> Self:
        """Return the sessions that are neither revoked nor expired."""
        now = timezone.now()
        return self.filter(revoked_at=None, expires_at__gt=now, idle_expires_at__gt=now)

    def revoke(self, reason: Reason) -> list["DeviceSession"]:
        """Revoke those of the sessions that are not revoked yet, and return them: one query.

        UPDATE … RETURNING decides which caller revoked a session, so each is reported once.
        The rows are locked in the order of their ids, so that two callers cannot block each other.
        PostgreSQL makes an array of the ids first: with an outdated estimate of the number of rows,
        it would run a subquery of IN again for every session, in another order.
        All get the same `revoked_at`. If the statement waited longer than PROMPT for a lock, they
        are dated again after the wait: a refresh may have issued an access token during it, and the
        snapshots must list the session until that token expires.
        """
        connection = connections[self.db]
        rows = self.filter(revoked_at=None).order_by("pk").values("pk").query
        try:
            ids, params = rows.get_compiler(connection=connection).as_sql()
        except EmptyResultSet:
            return []
        locks = connection.features.has_select_for_update
        chosen = f"= ANY (ARRAY ({ids} FOR UPDATE))" if locks else f"IN ({ids})"
        sql = f"""
            UPDATE {DeviceSession._meta.db_table} SET revoked_at = %s, revoked_reason = %s
            WHERE revoked_at IS NULL AND id {chosen}
            RETURNING *
            """
        sessions = DeviceSession.objects.using(self.db)
        with transaction.atomic(using=self.db, savepoint=False):
            asked = timezone.now()
            ended = list(sessions.raw(sql, (asked, reason.value, *params)))
            locked = timezone.now()
            if ended and locked - asked > PROMPT:
                sessions.filter(revoked_at=asked).update(revoked_at=locked)
                for session in ended:
                    session.revoked_at = locked
            if ended:
                session_ended.in_transaction.send(DeviceSession, sessions=ended)
            for session in ended:
                after_commit(session_ended, session=session)
        return ended


class DeviceSession(models.Model):
    """One sign-in on one device.

    Only its refresh token number `generation` is valid; that number blacklists every earlier token.
    The token itself is not stored, only the hash of its `jti`.
    """

    sid = models.UUIDField(_("public id"), default=uuid4, unique=True, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="device_sessions",
    )
    kind = models.CharField(max_length=7, choices=Kind.choices, default=Kind.TOKEN)
    generation = models.BigIntegerField(default=1)
    secret_hash: "models.BinaryField[bytes, bytes]" = models.BinaryField(max_length=32)
    nonce: "models.BinaryField[bytes, bytes]" = models.BinaryField(max_length=16)
    retry_hash: "models.BinaryField[bytes | None, bytes | None]" = models.BinaryField(
        max_length=32, null=True
    )
    credential_tag: "models.BinaryField[bytes, bytes]" = models.BinaryField(max_length=32)
    roles_version = models.BigIntegerField(default=1)
    roles_changed_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    rotated_at = models.DateTimeField()
    idle_expires_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    revoked_reason = models.CharField(max_length=19, choices=Reason.choices, blank=True)
    device = models.CharField(max_length=100, blank=True)
    ip_address = models.GenericIPAddressField(_("IP address"), null=True)
    rotated_from = models.GenericIPAddressField(_("address of the last refresh"), null=True)
    user_agent = models.CharField(max_length=255, blank=True)
    auth_time = models.DateTimeField(_("time of sign-in"))
    #: The most that tokens of this session may contain: names separated by spaces, or null for
    #: everything that the settings define (tokens/jwt/grants.py).
    scope = models.TextField(null=True)  # noqa: DJ001  (an empty text allows no scope)
    audience = models.TextField(null=True)  # noqa: DJ001  (an empty text allows the default)

    objects = DeviceSessionQuerySet.as_manager()

    if TYPE_CHECKING:
        user_id: Any

    class Meta:
        # `generation`, `secret_hash`, `rotated_at` and `idle_expires_at` stay out of every index:
        # a rotation changes them, and PostgreSQL then rewrites the row in place (HOT).
        indexes = [
            models.Index(
                fields=["user"],
                condition=models.Q(revoked_at=None),
                name="tokens_session_of_user",
            ),
            models.Index(fields=["expires_at"], name="tokens_session_expires"),
            models.Index(
                fields=["revoked_at"],
                condition=models.Q(revoked_at__isnull=False),
                name="tokens_session_revoked",
            ),
            models.Index(
                fields=["revoked_reason", "-id"],
                condition=~models.Q(revoked_reason=""),
                name="tokens_session_reason",
            ),
            models.Index(
                fields=["roles_changed_at"],
                condition=models.Q(roles_changed_at__isnull=False),
                name="tokens_session_roles",
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(generation__gte=1), name="tokens_session_generation_positive"
            ),
            models.CheckConstraint(
                condition=models.Q(revoked_at=None, revoked_reason="")
                | models.Q(revoked_at__isnull=False) & ~models.Q(revoked_reason=""),
                name="tokens_session_revoked_with_reason",
            ),
        ]

    def __str__(self) -> str:
        return str(self.sid)

    @property
    def device_name(self) -> str:
        """The name of the device in lists and sentences, which people recognise."""
        return isolate(self.device) or friendly_name(self.user_agent)

    @property
    def last_used_on(self) -> date:
        """The day of the last use. The time could help a thief to use the grace period."""
        return self.rotated_at.date()

    @property
    def ends_at(self) -> datetime:
        """When the session expires without another refresh: the earlier of its two limits."""
        return min(self.idle_expires_at, self.expires_at)

    @property
    def is_active(self) -> bool:
        """Whether the session is neither revoked nor expired."""
        return self.revoked_at is None and timezone.now() < self.ends_at

    @property
    def service_account(self) -> "ServiceAccount | None":
        """The account whose secret this session represents, or None if it is deleted."""
        secret: ServiceSecret | None = getattr(self, "service_secret", None)
        return secret.account if secret else None
