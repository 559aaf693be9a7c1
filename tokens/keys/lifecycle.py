"""The life of a signing key: created, published, used to sign, and removed.

| until            | the key                                                                    |
|------------------|----------------------------------------------------------------------------|
| `signs_from`     | is published, so that every verifier knows it before it signs a token      |
| `signs_until`    | signs; this column is null until the next key is published                 |
| `disappears_at`  | is published, until the last token that it signed has expired, by the      |
|                  | settings of the server that created the next key; `published_until` also   |
|                  | returns a later time, by the present settings of this server               |

`kid` is the thumbprint of the public key (RFC 7638). The private key is encrypted with a subkey of
the secret key or of one of its fallbacks. Each key names the key that it follows, and a unique
constraint allows one successor per key: of any number of simultaneous callers, one creates it.
"""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import structlog
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    load_pem_private_key,
)
from django.core.exceptions import ImproperlyConfigured
from django.db import IntegrityError, transaction
from django.utils import timezone

from tokens.conf import MAX_SNAPSHOT_INTERVAL, MIN_KEPT, conf
from tokens.crypto.subkeys import newest_subkeys
from tokens.keys.encryption import decrypt, encrypt, parse_key
from tokens.keys.jwk import PrivateKey, public_jwk, thumbprint
from tokens.models import SigningKey
from tokens.signals import after_commit, publish, signing_key_published, signing_keys_changed

#: The function that generates a private key for each algorithm of access tokens.
GENERATORS: dict[str, Callable[[], PrivateKey]] = {
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "RS256": lambda: rsa.generate_private_key(public_exponent=65537, key_size=3072),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
}

log = structlog.stdlib.get_logger("latchkey.keys")


def all_rows() -> list[SigningKey]:
    """Return the rows of all keys, the newest last, in one query."""
    return list(SigningKey.objects.order_by("pk"))


def published(rows: list[SigningKey]) -> list[SigningKey]:
    """Return the rows whose keys are published now."""
    now = timezone.now()
    return [row for row in rows if (end := published_until(row)) is None or end > now]


def published_until(row: SigningKey) -> datetime | None:
    """Return when the last token of this key has expired, or None while no other key follows it.

    The server that created the next key may have a shorter ACCESS_TOKEN_LIFETIME than this one, or
    the setting was changed since then.
    """
    if row.signs_until is None or row.disappears_at is None:
        return None
    return max(row.disappears_at, row.signs_until + verification_time())


def verification_time() -> timedelta:
    """Return how long a key is published after the next one signs.

    Other processes sign with the old key until their cached keyring expires, which can take longer
    than the SNAPSHOT_INTERVAL of this one.
    """
    return MAX_SNAPSHOT_INTERVAL + conf().access_lifetime + 2 * conf().leeway


def newest_kid(rows: list[SigningKey]) -> str:
    """Return the `kid` that the next key follows, or "" if the table is empty.

    Pass the rows that showed that the next key is due. Another process that created a key since
    then followed the same `kid`, so the database accepts only one of the two keys.
    """
    return rows[-1].kid if rows else ""


def select_signer(rows: list[SigningKey]) -> SigningKey | None:
    """Return the newest row that may sign now and whose private key can be decrypted."""
    now = timezone.now()
    ready = [row for row in rows if row.signs_from <= now and parse_key(row).private]
    return ready[-1] if ready else None


def is_next_key_due(newest: SigningKey, signing: SigningKey) -> bool:
    """Return whether to publish the next key, because of the age or algorithm of this one."""
    if newest != signing:
        return False
    age, oldest = timezone.now() - signing.signs_from, conf().SIGNING_KEY_AGE
    return (bool(oldest) and age >= oldest) or signing.algorithm != conf().algorithm


def rotate() -> SigningKey:
    """Publish the next key and return it. If a published key does not sign yet, return that one.

    The key starts to sign when every cached key set contains it. Its predecessor stays published
    until the last token that it signed has expired on every server, whose clocks may differ by the
    leeway.
    """
    all_keys = all_rows()
    rows = published(all_keys)
    if rows and rows[-1].signs_from > timezone.now():
        return rows[-1]
    lead = publication_lead() if rows else timedelta(0)
    created = create_key(follows=newest_kid(all_keys), ahead=lead)
    after_commit(signing_keys_changed, SigningKey)
    return created


def replace_all(*, all_revoked_at: Iterable[datetime] = ()) -> SigningKey:
    """Replace all keys by a new one that signs immediately, and return it.

    Use it after a private key has leaked, or after many sessions were revoked at the given times.
    It invalidates every outstanding access token: on this site within SNAPSHOT_INTERVAL, and in
    other services when they fetch the key set again.
    """
    all_keys = all_rows()
    with transaction.atomic():
        created = create_key(follows=newest_kid(all_keys), ahead=timedelta(0), replaces_all=True)
        if created.signs_from > timezone.now():  # It comes from a concurrent rotation.
            created = create_key(follows=created.kid, ahead=timedelta(0), replaces_all=True)
        replaced = SigningKey.objects.filter(pk__lt=created.pk)
        before = [moment for row in (*replaced, created) for moment in row.all_revoked_at]
        moments = [*before, *(moment.isoformat() for moment in all_revoked_at)]
        SigningKey.objects.filter(pk=created.pk).update(all_revoked_at=moments)
        deleted, _ = replaced.delete()
        after_commit(signing_keys_changed, SigningKey)
    log.warning("signing_keys_replaced", kid=created.kid, replaced=deleted)
    return created


def import_key_file(file: Path) -> None:
    """Import a PEM file with a key on the curve P-256 as the first signing key; delete the file.

    If the database already has a key, the key in the file never signed a token, so only the file
    is deleted. Raises ImproperlyConfigured if the file contains no key.
    """
    if not file.exists():
        return
    if not all_rows():
        try:
            private: Any = load_pem_private_key(file.read_bytes(), password=None)
        except ValueError as error:
            raise ImproperlyConfigured(
                f"{file} is not a key: remove it, and the site creates one."
            ) from error
        create_key(follows="", ahead=timedelta(0), algorithm="ES256", private=private)
    file.unlink()


def create_key(
    *,
    follows: str,
    ahead: timedelta,
    algorithm: str | None = None,
    private: PrivateKey | None = None,
    replaces_all: bool = False,
) -> SigningKey:
    """Create the key that follows this `kid` and starts to sign after `ahead`; return its row.

    `replaces_all` says in the signal that the caller then removes all other keys.
    If another process has already created that key, return the newest key.
    """
    algorithm = algorithm or conf().algorithm
    private = private or GENERATORS[algorithm]()
    jwk = public_jwk(algorithm, private)
    now, kid = timezone.now(), thumbprint(jwk)
    try:
        with transaction.atomic():
            created = SigningKey.objects.create(
                kid=kid,
                follows=follows,
                algorithm=algorithm,
                public_jwk=jwk,
                private_key=encrypt(private, kid),
                published_at=now,
                signs_from=now + ahead,
            )
            end = created.signs_from + verification_time()
            before = SigningKey.objects.filter(kid=follows, signs_until=None)
            before.update(signs_until=created.signs_from, disappears_at=end)
            # A server with a longer ACCESS_TOKEN_LIFETIME may still publish a removed key.
            kept_since = now - max(verification_time(), MIN_KEPT)
            SigningKey.objects.filter(disappears_at__lt=now, signs_until__lt=kept_since).delete()
            publish(signing_key_published, key=created, replaces_all=replaces_all)
    except IntegrityError:
        return SigningKey.objects.latest("pk")
    log.info("signing_key_made", kid=kid, algorithm=algorithm)
    return created


def publication_lead() -> timedelta:
    """Return how long a key is published before it signs: twice the cache time of a key set."""
    return 2 * conf().JWKS_MAX_AGE


def reencrypt() -> None:
    """Encrypt the private keys with the newest secret key, so that a fallback can be removed.

    The site never does this on its own. While servers with different secret keys run, each would
    undo the work of the others and encrypt with a secret key that may have leaked.
    """
    secret_key = newest_subkeys().signing_keys
    for row in published(all_rows()):
        data, private = bytes(row.private_key), parse_key(row).private
        if private is not None and decrypt(row.kid, data, (secret_key,)) is None:
            same = SigningKey.objects.filter(pk=row.pk, private_key=data)
            same.update(private_key=encrypt(private, row.kid))
