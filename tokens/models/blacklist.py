"""The table of single access tokens that were revoked before they expired."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from tokens.models.choices import Reason, TokenType
from tokens.models.querysets import CurrentQuerySet


class BlacklistedToken(models.Model):
    """A single token that is refused before its time; the token itself is kept nowhere.

    The row outlives the user: else whoever deletes a user would give the token back its life.
    """

    jti = models.CharField("token id", max_length=64, unique=True)
    token_type = models.CharField(max_length=7, choices=TokenType.choices)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="blacklisted_tokens",
    )
    reason = models.CharField(max_length=19, choices=Reason.choices)
    expires_at = models.DateTimeField(db_index=True)
    created_at = models.DateTimeField(default=timezone.now)

    objects = CurrentQuerySet["BlacklistedToken"].as_manager()

    def __str__(self) -> str:
        return f"{self.get_token_type_display()} {self.pk}"
