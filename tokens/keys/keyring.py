"""The published signing keys and the one that signs, cached in each process."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.dispatch import receiver

from tokens import signals
from tokens.keys.cached_value import Keeper
from tokens.keys.encryption import parsed
from tokens.keys.jwk import Key, as_jwk
from tokens.keys.lifecycle import (
    all_rows,
    announcement,
    is_due,
    make,
    newest_kid,
    published,
    signer_of,
)

log = structlog.stdlib.get_logger("latchkey.keys")


@dataclass(frozen=True)
class Ring:
    """The keys that are published now, and the one that signs."""

    keys: tuple[Key, ...]
    signer: Key
    jwks: tuple[Mapping[str, str], ...]
    everybody_ended_at: frozenset[datetime]  # no token of these keys is of a session ended then


def load_keyring() -> Ring:
    """Return the keys as they are now; make the first one, or the next one if that is due."""
    every = all_rows()
    rows = published(every)
    signing = signer_of(rows)
    if signing is None:
        make(follows=newest_kid(every), ahead=timedelta(0))
    elif is_due(rows[-1], signing):
        make(follows=signing.kid, ahead=announcement())
    else:
        return Ring(
            keys=tuple(map(parsed, rows)),
            signer=parsed(signing),
            jwks=tuple(map(as_jwk, rows)),
            everybody_ended_at=frozenset(
                datetime.fromisoformat(moment) for row in rows for moment in row.everybody_ended_at
            ),
        )
    return load_keyring()


log = structlog.stdlib.get_logger("latchkey.snapshot")


keyring = Keeper(load_keyring)


@receiver(signals.signing_keys_changed)
def note_keys(**kwargs: Any) -> None:
    keyring.forget()
