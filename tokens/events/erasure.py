"""Remove a person from their events when the account is deleted."""

from functools import partial
from typing import Any

from django.db import transaction

from tokens.events.record import by_caller
from tokens.events.store import write
from tokens.models import Event, EventKind


def on_user_deleted(instance: Any, **kwargs: Any) -> None:
    """Erase the person from all events, and write that an account was deleted.

    Call it before the deletion, in its transaction, and after the sessions are revoked. A refusal
    that another request commits before the deletion is committed is erased after it, and one that
    is committed a moment later is erased by `purgetokens`.
    """
    user = instance.pk
    erase(user)
    transaction.on_commit(partial(erase, user))
    event = by_caller(EventKind.DELETED, user_id=user)
    event.user_id = None
    if event.actor_id is None:
        event.ip_address = None  # It is the address of the person.
    write([event])


def erase(user: Any) -> None:
    """Leave only kind, day, count and reason of the user's events: two queries.

    Events about other users that this user caused lose the name and the IP address.
    """
    Event.objects.filter(user=user).erase()
    Event.objects.filter(actor=user).update(actor=None, ip_address=None)
