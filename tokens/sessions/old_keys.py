"""Exchange the keys of an earlier app for sessions, so that its users need not sign in again.

While `rest_framework.authtoken` or `knox` is in INSTALLED_APPS, a client that has one of its keys
exchanges the key once. The key is deleted in the same transaction, so a copy of it is useless.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.module_loading import import_string

from tokens.errors import Refusal, TokenRefusedError
from tokens.jwt.claims import Pair
from tokens.sessions.lifecycle import Device, open_session

MAX_KEY_LENGTH = 255  # characters


@dataclass(frozen=True)
class Source:
    """A table of keys, whose rows have a `user`."""

    model: str  # "app_label.Model"
    field: str  # with the key or its hash
    hashed_by: str = ""  # the dotted path of the function that hashes a key
    expires: str = ""  # the field with the time of expiry, or null

    def find(self, key: str) -> QuerySet[Any]:
        """Return the row of the key, if it has not expired."""
        value = import_string(self.hashed_by)(key) if self.hashed_by else key
        rows: QuerySet[Any] = apps.get_model(self.model)._base_manager.filter(**{self.field: value})
        if self.expires:
            rows = rows.filter(Q((f"{self.expires}__gt", timezone.now())) | Q((self.expires, None)))
        return rows


SOURCES = {
    "rest_framework.authtoken": Source("authtoken.Token", "key"),
    "knox": Source("knox.AuthToken", "digest", "knox.crypto.hash_token", "expiry"),
}


def sources() -> Iterator[Source]:
    """Yield the tables of the apps that are installed."""
    for app, source in SOURCES.items():
        if apps.is_installed(app):
            yield source


def exchange(key: str, device: Device) -> Pair:
    """Delete the key and return the first pair of a new session of its user, in one transaction.

    Of several simultaneous callers one receives a pair. Raises TokenRefusedError for any other text
    than the key of an active user; a key that is refused is not deleted.
    """
    for source in sources():
        with transaction.atomic():
            found = source.find(key)
            row = found.select_related("user").first()
            if row is None or not found.delete()[0]:
                continue
            pair = open_session(row.user, device)
            if pair is None:  # The user is inactive. The error undoes the deletion.
                raise TokenRefusedError(Refusal.INACTIVE_USER)
            return pair
    raise TokenRefusedError(Refusal.MALFORMED)
