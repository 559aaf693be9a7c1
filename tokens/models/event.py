"""The table of security events."""

from datetime import date
from typing import TYPE_CHECKING, Any, Self

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import models
from django.db.models.functions import TruncDay
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from tokens.models.bidi import isolate
from tokens.models.choices import EventKind, Reason
from tokens.models.querysets import CurrentQuerySet


class EventQuerySet(CurrentQuerySet["Event"]):
    """Sets of events, with `erase` to remove the persons that they are about."""

    def erase(self) -> int:
        """Leave only kind, day, count and reason; return the number of events. One query."""
        return self.update(
            user=None,
            created_at=TruncDay("created_at", tzinfo=timezone.get_default_timezone()),
            sid=None,
            device="",
            ip_address=None,
            about="",
            device_mark=None,
            flood_key=None,
        )

    def of_deleted_users(self) -> Self:
        """Return the events of users who do not exist."""
        users = get_user_model()._base_manager.filter(pk=models.OuterRef("user"))
        return self.filter(~models.Exists(users), user__isnull=False)


class Event(models.Model):
    """Something that happened to an account, a service account or the site, for people to review.

    Events with the same `flood_key` are one row with a `count`. The row contains no token, no part
    of one, and nothing that a person typed to sign in.

    The foreign keys have no constraint in the database. A constraint would lock the row of the user
    while the event is written, after its session was locked. A deletion of the user locks the two
    in the opposite order, so both would wait for each other.
    """

    kind = models.CharField(_("event"), max_length=24, choices=EventKind.choices)
    created_at = models.DateTimeField(_("time"))
    count = models.PositiveIntegerField(_("count"), default=1)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("user"),
        on_delete=models.SET_NULL,
        null=True,
        db_constraint=False,
        db_index=False,
        related_name="events",
    )
    #: The user who made the change, if it is not the user that the event is about.
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("changed by"),
        on_delete=models.SET_NULL,
        null=True,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    sid = models.UUIDField(_("session"), null=True)
    device = models.CharField(_("device"), max_length=100, blank=True)
    ip_address = models.GenericIPAddressField(_("IP address"), null=True)
    reason = models.CharField(_("reason"), max_length=19, choices=Reason.choices, blank=True)
    #: What the event is about, other than a user: names of fields, a secret, a key, a row.
    about = models.CharField(_("about"), max_length=200, blank=True)
    #: A hash of the device and the network of a sign-in: tokens/events/devices.py.
    device_mark: "models.BinaryField[bytes | None, bytes | None]" = models.BinaryField(
        max_length=8, null=True
    )
    flood_key: "models.BinaryField[bytes | None, bytes | None]" = models.BinaryField(
        max_length=16, null=True, unique=True
    )

    objects = EventQuerySet.as_manager()

    if TYPE_CHECKING:
        user_id: Any
        actor_id: Any

    class Meta:
        verbose_name = _("security event")
        verbose_name_plural = _("security events")
        default_permissions = ("view",)  # only the site writes events
        # `count` stays out of every index: PostgreSQL then counts in place (HOT).
        indexes = [
            models.Index(
                fields=["user", "-id"],
                condition=models.Q(user__isnull=False),
                name="tokens_event_of_user",
            ),
            models.Index(
                fields=["actor"],
                condition=models.Q(actor__isnull=False),
                name="tokens_event_by_actor",
            ),
            models.Index(
                fields=["sid"],
                condition=models.Q(sid__isnull=False),
                name="tokens_event_of_session",
            ),
            models.Index(fields=["kind", "-created_at"], name="tokens_event_of_kind"),
            models.Index(
                fields=["ip_address"],
                condition=models.Q(ip_address__isnull=False),
                name="tokens_event_from_address",
            ),
            models.Index(fields=["created_at"], name="tokens_event_at"),
        ]

    def __str__(self) -> str:
        return str(self.get_kind_display())

    @property
    def day(self) -> date:
        """The day of the event, in the time zone of the site."""
        return timezone.localtime(self.created_at).date()

    @property
    def device_name(self) -> str:
        """The name of the device in lists and sentences, which people recognise."""
        return isolate(self.device)
