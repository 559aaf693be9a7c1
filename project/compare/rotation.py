"""Rehearse a rotation of the signing key. The second process runs it."""

from typing import Any
from uuid import uuid4

from django.db import transaction
from django.utils import timezone

from tokens.conf import conf
from tokens.jwt.claims import AccessToken
from tokens.keys.jwk import KeyPair
from tokens.keys.keyring import load_keyring
from tokens.keys.lifecycle import rotate
from tokens.models import DeviceSession, SigningKey


def rehearse() -> dict[str, Any]:
    """Rotate the key in a transaction that is rolled back: other processes never see the new key.

    Returns the key set after the new key was published, the one after it began to sign, and a token
    of the old and of the new key. No service has the audience of the tokens.
    """
    with transaction.atomic():
        old = load_keyring().signer
        created = rotate()
        published = load_keyring()
        # The time until the key signs has passed.
        SigningKey.objects.filter(pk=created.pk).update(signs_from=timezone.now())
        signing = load_keyring()
        transaction.set_rollback(True)
    return {
        "published": {"keys": [*map(dict, published.jwks)]},
        "signing": {"keys": [*map(dict, signing.jwks)]},
        "old": token_of(old),
        "new": token_of(signing.signer),
    }


def audience() -> str:
    """Return an audience that no service has."""
    return f"{conf().issuer}/compare/"


def token_of(signer: KeyPair) -> str:
    now = timezone.now()
    session = DeviceSession(
        pk=0, sid=uuid4(), user_id=uuid4(), auth_time=now, expires_at=now + conf().idle_lifetime
    )
    token = AccessToken.mint(session, signer, scope="", audience=audience(), person={"roles": []})
    return str(token)
