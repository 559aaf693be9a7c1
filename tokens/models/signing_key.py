"""The table of signing keys."""

from django.db import models

from tokens.models.querysets import CurrentQuerySet


class SigningKey(models.Model):
    """A key pair of access tokens; tokens/keys/lifecycle.py tells how its dates follow each
    other.
    """

    kid = models.CharField("thumbprint", max_length=43, unique=True)
    follows = models.CharField("follows the key", max_length=43, unique=True, blank=True)
    algorithm = models.CharField(max_length=5)
    public_jwk = models.JSONField("public key")
    private_key: "models.BinaryField[bytes, bytes]" = models.BinaryField("encrypted private key")
    published_at = models.DateTimeField()
    signs_from = models.DateTimeField()
    signs_until = models.DateTimeField(null=True)
    disappears_at = models.DateTimeField(null=True)
    everybody_ended_at = models.JSONField("moments of ends that no entry tells of", default=list)

    objects = CurrentQuerySet["SigningKey"].as_manager()

    def __str__(self) -> str:
        return self.kid
