"""The keys that access tokens are signed with: in the database, published before and after.

| until            | a key                                                                      |
|------------------|----------------------------------------------------------------------------|
| `signs_from`     | is published, so that nobody meets a token whose key they cannot know      |
| `signs_until`    | signs; there is none until the next key is published                       |
| `disappears_at`  | is published, until the last token it signed is dead                       |

`kid` is the thumbprint of the public half (RFC 7638). The private half is encrypted with a subkey
of the secret key, whose fallbacks are honoured. Each key names the one that it follows, and no two
can follow the same: of any number of callers who want a next key, the database lets one make it.
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

from tokens.conf import conf
from tokens.crypto.subkeys import newest_subkeys
from tokens.keys.encryption import decrypt, encrypt, parse_key
from tokens.keys.jwk import PrivateKey, public_jwk, thumbprint
from tokens.models import SigningKey
from tokens.signals import after_commit, signing_keys_changed

#: How a key is made for each algorithm that access tokens may be signed with.
GENERATORS: dict[str, Callable[[], PrivateKey]] = {
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "RS256": lambda: rsa.generate_private_key(public_exponent=65537, key_size=3072),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
}

log = structlog.stdlib.get_logger("latchkey.keys")


def all_rows() -> list[SigningKey]:
    """Return the rows of all keys, the newest last: one query."""
    return list(SigningKey.objects.order_by("pk"))


def published(every: list[SigningKey]) -> list[SigningKey]:
    """Return those of the rows whose keys are published now."""
    now = timezone.now()
    return [row for row in every if row.disappears_at is None or row.disappears_at > now]


def newest_kid(every: list[SigningKey]) -> str:
    """Return the name of the key that the next one follows, or nothing if there is none yet.

    Of the rows that the decision to make one was based on: who has made one meanwhile has then
    followed the same.
    """
    return every[-1].kid if every else ""


def select_signer(rows: list[SigningKey]) -> SigningKey | None:
    """Return the newest of the rows that may sign now and whose private key can be read."""
    now = timezone.now()
    ready = [row for row in rows if row.signs_from <= now and parse_key(row).private]
    return ready[-1] if ready else None


def is_next_key_due(newest: SigningKey, signing: SigningKey) -> bool:
    """Return whether the next key has to be published: by age, or for another algorithm."""
    if newest != signing:
        return False
    age, oldest = timezone.now() - signing.signs_from, conf().SIGNING_KEY_AGE
    return (bool(oldest) and age >= oldest) or signing.algorithm != conf().algorithm


def rotate() -> SigningKey:
    """Publish the next key and return it, or the one that is published and waits to sign.

    It signs once nobody can have a key set without it. Its predecessor is published until the last
    token that it signs is dead, wherever the clocks of two servers are as far apart as they may be.
    """
    every = all_rows()
    rows = published(every)
    if rows and rows[-1].signs_from > timezone.now():
        return rows[-1]
    made = create_key(follows=newest_kid(every), ahead=publication_lead() if rows else timedelta(0))
    after_commit(signing_keys_changed, SigningKey)
    return made


def replace_all(*, everybody_ended_at: Iterable[datetime] = ()) -> SigningKey:
    """Put a new key in the place of all others, at once, and return it.

    For a key that somebody else may have, or for many sessions that have ended, at those moments:
    every access token that is out by now is dead, here within SNAPSHOT_INTERVAL, elsewhere when the
    key set is fetched anew.
    """
    every = all_rows()
    with transaction.atomic():
        made = create_key(follows=newest_kid(every), ahead=timedelta(0))
        if made.signs_from > timezone.now():  # A rotation came between; its key may wait no longer.
            made = create_key(follows=made.kid, ahead=timedelta(0))
        replaced = SigningKey.objects.filter(pk__lt=made.pk)
        before = [moment for row in (*replaced, made) for moment in row.everybody_ended_at]
        moments = [*before, *(moment.isoformat() for moment in everybody_ended_at)]
        SigningKey.objects.filter(pk=made.pk).update(everybody_ended_at=moments)
        deleted, _ = replaced.delete()
        after_commit(signing_keys_changed, SigningKey)
    log.warning("signing_keys_replaced", kid=made.kid, replaced=deleted)
    return made


def import_key_file(file: Path) -> None:
    """Take a key kept in a file, PEM on the curve P-256, for the first one, and remove the file.

    Where there is a key already, the one in the file has signed nothing and is only removed.
    """
    if not file.exists():
        return
    if not all_rows():
        try:
            private: Any = load_pem_private_key(file.read_bytes(), password=None)
        except ValueError as error:
            raise ImproperlyConfigured(f"{file} is no key; remove it to have one made.") from error
        create_key(follows="", ahead=timedelta(0), algorithm="ES256", private=private)
    file.unlink()


def create_key(
    *,
    follows: str,
    ahead: timedelta,
    algorithm: str | None = None,
    private: PrivateKey | None = None,
) -> SigningKey:
    """Make the key that follows the one of this `kid` and signs after `ahead`; return its row.

    If somebody else has made it meanwhile, theirs is returned.
    """
    algorithm = algorithm or conf().algorithm
    private = private or GENERATORS[algorithm]()
    jwk = public_jwk(algorithm, private)
    now, kid = timezone.now(), thumbprint(jwk)
    try:
        with transaction.atomic():
            made = SigningKey.objects.create(
                kid=kid,
                follows=follows,
                algorithm=algorithm,
                public_jwk=jwk,
                private_key=encrypt(private, kid),
                published_at=now,
                signs_from=now + ahead,
            )
            # A process that has not heard of it signs with the old one for SNAPSHOT_INTERVAL more.
            last = made.signs_from + conf().SNAPSHOT_INTERVAL
            dead = last + conf().access_lifetime + 2 * conf().leeway
            before = SigningKey.objects.filter(kid=follows, signs_until=None)
            before.update(signs_until=made.signs_from, disappears_at=dead)
            SigningKey.objects.filter(disappears_at__lt=now).delete()
    except IntegrityError:
        return SigningKey.objects.get(follows=follows)
    log.info("signing_key_made", kid=kid, algorithm=algorithm)
    return made


def publication_lead() -> timedelta:
    """Return how long a key is published before it signs: twice as long as others keep a set."""
    return 2 * conf().JWKS_MAX_AGE


def reencrypt() -> None:
    """Encrypt with the secret key what only a fallback opens, so that the fallback can go one day.

    Never done by the way: while servers with another secret key still run, each would undo it, and
    write with a key that may be stolen.
    """
    secret_key = newest_subkeys().signing_keys
    for row in published(all_rows()):
        data, private = bytes(row.private_key), parse_key(row).private
        if private is not None and decrypt(row.kid, data, (secret_key,)) is None:
            same = SigningKey.objects.filter(pk=row.pk, private_key=data)
            same.update(private_key=encrypt(private, row.kid))
