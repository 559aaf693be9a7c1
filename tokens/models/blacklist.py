"""The table of access tokens that were revoked before they expired."""

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from tokens.models.choices import Reason, TokenType
from tokens.models.querysets import CurrentQuerySet


class BlacklistedToken(models.Model):
    """An access token that is refused although it has not expired. Only its `jti` is stored.

    The row outlives the user, because otherwise deleting a user would make the token valid again.
    """

    jti = models.CharField(_("token id"), max_length=64, unique=True)
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
