"""The table of signing keys."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from tokens.models.querysets import CurrentQuerySet


class SigningKey(models.Model):
    """A key pair that signs access tokens. tokens/keys/lifecycle.py explains its dates."""

    kid = models.CharField(_("thumbprint"), max_length=43, unique=True)
    follows = models.CharField(_("follows the key"), max_length=43, unique=True, blank=True)
    algorithm = models.CharField(max_length=5)
    public_jwk = models.JSONField(_("public key"))
    private_key: "models.BinaryField[bytes, bytes]" = models.BinaryField(_("encrypted private key"))
    published_at = models.DateTimeField()
    signs_from = models.DateTimeField()
    signs_until = models.DateTimeField(null=True)
    disappears_at = models.DateTimeField(null=True)
    all_revoked_at = models.JSONField("times at which all sessions were revoked", default=list)

    objects = CurrentQuerySet["SigningKey"].as_manager()

    def __str__(self) -> str:
        return self.kid
