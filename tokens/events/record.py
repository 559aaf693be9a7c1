"""Turn signals into events. Each event is written in the transaction that it describes.

A failed sign-in has no transaction, and neither has a refused token that revoked nothing: their
events are committed immediately, so the refusal cannot undo them.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_login_failed
from django.db.models import Model, QuerySet
from django.dispatch import receiver

from tokens import signals
from tokens.events.devices import device_mark, device_name
from tokens.events.store import write, write_sign_in
from tokens.http.request_context import current_address, current_user_id
from tokens.models import (
    BlacklistedToken,
    DeviceSession,
    Event,
    EventKind,
    Kind,
    ServiceSecret,
    SigningKey,
)
from tokens.models.users import find_by_login

#: The kind of event for each changed field of a user. All others are changes of roles.
FIELD_KINDS = {
    "password": EventKind.PASSWORD_CHANGED,
    "first_name": EventKind.NAME_CHANGED,
    "last_name": EventKind.NAME_CHANGED,
}


@receiver(signals.session_started.in_transaction)
def on_session_started(session: DeviceSession, **kwargs: Any) -> None:
    event = of_session(EventKind.SIGN_IN, session, session.ip_address)
    event.device_mark = device_mark(session)
    if write_sign_in(event):
        signals.publish(signals.new_device_used, session=session)


@receiver(signals.session_ended.in_transaction)
def on_sessions_ended(sessions: list[DeviceSession], **kwargs: Any) -> None:
    write(map(end_of, sessions))


def end_of(session: DeviceSession) -> Event:
    """Return the event of the revocation. The session of a service account is one secret."""
    if session.kind == Kind.SERVICE:
        event = by_caller(EventKind.SECRET_REVOKED, about=session.device)
    else:
        event = by_caller(EventKind.SESSION_ENDED, user_id=session.user_id)
        event.device = device_name(session)
    event.sid, event.reason = session.sid, session.revoked_reason
    return event


@receiver(signals.refresh_token_reused.in_transaction)
def on_reuse(session: DeviceSession, ip_address: str | None, **kwargs: Any) -> None:
    write([of_session(EventKind.TOKEN_REUSED, session, ip_address)])


@receiver(signals.refresh_token_contended.in_transaction)
def on_contention(session: DeviceSession, ip_address: str | None, **kwargs: Any) -> None:
    write([of_session(EventKind.TOKEN_CONTENDED, session, ip_address)])


@receiver(signals.refresh_token_out_of_step.in_transaction)
def on_out_of_step(session: DeviceSession, ip_address: str | None, **kwargs: Any) -> None:
    write([of_session(EventKind.TOKEN_OUT_OF_STEP, session, ip_address)])


@receiver(signals.token_blacklisted.in_transaction)
def on_blacklisting(token: BlacklistedToken, **kwargs: Any) -> None:
    event = by_caller(EventKind.TOKEN_BLACKLISTED, user_id=token.user_id)
    event.reason = token.reason
    write([event])


@receiver(user_login_failed)
def on_failed_sign_in(credentials: dict[str, Any], **kwargs: Any) -> None:
    """Write a failed sign-in. The name is not stored: people type their password into that field.

    An unknown name costs the same queries as a known one.
    """
    name = credentials.get("username") or credentials.get(get_user_model().USERNAME_FIELD)
    user = find_by_login(str(name or "")).values_list("pk", flat=True).first()
    address = current_address()
    write([Event(kind=EventKind.SIGN_IN_FAILED, user_id=user, ip_address=address)])


@receiver(signals.account_changed.in_transaction)
def on_account_changed(
    sender: Any, user_id: Any, fields: frozenset[str], is_active: bool, **kwargs: Any
) -> None:
    kinds = {
        **FIELD_KINDS,
        sender.USERNAME_FIELD: EventKind.NAME_CHANGED,
        sender.get_email_field_name(): EventKind.EMAIL_CHANGED,
        "is_active": EventKind.ACTIVATED if is_active else EventKind.DEACTIVATED,
    }
    by_kind: dict[EventKind, list[str]] = {}
    for field in sorted(fields):
        by_kind.setdefault(kinds.get(field, EventKind.ROLES_CHANGED), []).append(field)
    write(
        by_caller(kind, user_id=user_id, about=", ".join(names)) for kind, names in by_kind.items()
    )


@receiver(signals.roles_changed.in_transaction)
def on_roles_changed(users: QuerySet[Any], **kwargs: Any) -> None:
    ids = users.values_list("pk", flat=True).iterator()
    write(by_caller(EventKind.ROLES_CHANGED, user_id=user_id) for user_id in ids)


@receiver(signals.service_secret_created.in_transaction)
def on_secret_created(secret: ServiceSecret, **kwargs: Any) -> None:
    event = by_caller(EventKind.SECRET_CREATED, about=name_of(secret))
    event.sid, event.actor_id = secret.session.sid, secret.created_by_id
    write([event])


@receiver(signals.service_secret_used.in_transaction)
def on_secret_used(secret: ServiceSecret, **kwargs: Any) -> None:
    event = Event(kind=EventKind.SECRET_USED, about=name_of(secret), sid=secret.session.sid)
    event.ip_address = current_address()
    write([event])


@receiver(signals.signing_key_published.in_transaction)
def on_key_published(key: SigningKey, replaces_all: bool, **kwargs: Any) -> None:
    kind = EventKind.KEYS_REPLACED if replaces_all else EventKind.KEY_PUBLISHED
    write([by_caller(kind, about=key.kid)])


@receiver(signals.administrator_acted.in_transaction)
def on_administration(
    sender: Any, rows: Iterable[Model], action: str, fields: Sequence[str], **kwargs: Any
) -> None:
    write(actions_on(sender, rows, f"{action}: {', '.join(fields)}" if fields else action))


def actions_on(model: type[Model], rows: Iterable[Model], action: str) -> Iterator[Event]:
    """Yield one event for each row. A user is named by the column for users only."""
    label = model._meta.label_lower
    for row in rows:
        if isinstance(row, get_user_model()):
            yield by_caller(EventKind.ADMIN_ACTION, user_id=row.pk, about=f"{label} {action}")
        else:
            yield by_caller(EventKind.ADMIN_ACTION, about=f"{label} {row.pk} {action}")


def of_session(kind: EventKind, session: DeviceSession, ip_address: str | None) -> Event:
    """Return an event about the use of a person's session."""
    return Event(
        kind=kind,
        user_id=session.user_id,
        sid=session.sid,
        device=device_name(session),
        ip_address=ip_address,
    )


def by_caller(kind: EventKind, *, user_id: Any = None, about: str = "") -> Event:
    """Return an event that the current request causes, with its IP address and its user."""
    actor = current_user_id()
    return Event(
        kind=kind,
        user_id=user_id,
        actor_id=None if actor == user_id else actor,
        ip_address=current_address(),
        about=about[:200],
    )


def name_of(secret: ServiceSecret) -> str:
    return f"{secret.account.name}, {secret.prefix}"
