"""The published signing keys and the one that signs, cached in each process."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.dispatch import receiver

from tokens import signals
from tokens.keys.cached_value import CachedValue
from tokens.keys.encryption import parse_key
from tokens.keys.jwk import KeyPair, as_jwk
from tokens.keys.lifecycle import (
    all_rows,
    create_key,
    is_next_key_due,
    newest_kid,
    publication_lead,
    published,
    select_signer,
)


@dataclass(frozen=True)
class Keyring:
    """The keys that are published now, and the one that signs."""

    keys: tuple[KeyPair, ...]
    signer: KeyPair
    jwks: tuple[Mapping[str, str], ...]
    all_revoked_at: frozenset[datetime]  # these keys signed no token of a session revoked then


def load_keyring() -> Keyring:
    """Return the current keys. First create one if it is missing or the next one is due."""
    all_keys = all_rows()
    rows = published(all_keys)
    signing = select_signer(rows)
    if signing is None:
        create_key(follows=newest_kid(all_keys), ahead=timedelta(0))
    elif is_next_key_due(rows[-1], signing):
        create_key(follows=signing.kid, ahead=publication_lead())
    else:
        return Keyring(
            keys=tuple(map(parse_key, rows)),
            signer=parse_key(signing),
            jwks=tuple(map(as_jwk, rows)),
            all_revoked_at=frozenset(
                datetime.fromisoformat(moment) for row in rows for moment in row.all_revoked_at
            ),
        )
    return load_keyring()


keyring = CachedValue(load_keyring)


@receiver(signals.signing_keys_changed)
def invalidate_keyring(**kwargs: Any) -> None:
    keyring.invalidate()
