"""Beginning, ending and re-binding device sessions."""

import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractUser
from django.db import transaction
from django.utils import timezone
from rest_framework_simplejwt.exceptions import TokenError

from tokens import keys, signals
from tokens.claims import Pair, RefreshToken, secret_hash
from tokens.conf import conf
from tokens.models import DeviceSession, Reason


@dataclass(frozen=True, kw_only=True)
class Device:
    """Where somebody signs in from, for people to recognise it; each field is cut to its column."""

    label: str = ""
    ip_address: str | None = None
    user_agent: str = ""


def open_session(user: AbstractUser, device: Device) -> Pair | None:
    """Begin a session for the user whose password was just verified, and return its first pair.

    Returns None if the user was deactivated or deleted, or the password changed, since it was
    verified: the row of the user is written first, and only if it still holds the verified hash, so
    whoever changes it comes either before, and is seen, or after, and finds the session to end.
    """
    now, subkeys = timezone.now(), keys.newest_subkeys()
    jti = secrets.token_urlsafe(32)
    same = get_user_model()._base_manager.filter(
        pk=user.pk, is_active=True, password=user.password, username=user.username
    )
    with transaction.atomic():
        if not same.update(last_login=now):
            return None
        # Whoever changes the roles waits for that row, or was before us.
        roles = list(user.groups.order_by("name").values_list("name", flat=True))
        session = DeviceSession.objects.create(
            user_id=user.pk,
            secret_hash=secret_hash(jti),
            nonce=secrets.token_bytes(16),
            credential_tag=keys.credential_tag(subkeys, user.password, user.get_username()),
            created_at=now,
            rotated_at=now,
            idle_expires_at=now + conf().idle_lifetime,
            expires_at=now + conf().ABSOLUTE_LIFETIME,
            device=device.label[:100],
            ip_address=device.ip_address,
            user_agent=device.user_agent[:255],
            auth_time=now,
        )
        own = DeviceSession.objects.filter(user_id=user.pk)
        surplus = own.living().order_by("-rotated_at", "-pk")[conf().SESSIONS_PER_USER :]
        own.filter(pk__in=surplus.values("pk")).revoke(Reason.EVICTED)
        signals.after_commit(signals.session_started, session=session)
    return Pair.mint(session, jti=jti, subkeys=subkeys, roles=roles)


def replace_sessions(user: AbstractUser, sid: UUID) -> Pair | None:
    """End every session of a user whose password was just changed, and begin one in place of `sid`.

    To be called in the transaction that stores the password, and to be rolled back with it where
    None is returned: `sid` was not living any more, and must not live again by this.
    """
    ended = DeviceSession.objects.filter(user=user.pk).revoke(Reason.CREDENTIALS_CHANGED)
    now = timezone.now()
    old = next((one for one in ended if one.sid == sid and now < one.ends_at), None)
    if old is None:
        return None
    device = Device(label=old.device, ip_address=old.ip_address, user_agent=old.user_agent)
    return open_session(user, device)


def end_sessions(
    users: Iterable[Any], reason: Reason, *, sid: UUID | None = None, keep: UUID | None = None
) -> int:
    """End the sessions of these users' ids, or only `sid`, or all but `keep`.

    Returns how many were living until then, which leaves out those that had run out. One query.
    """
    sessions = DeviceSession.objects.filter(user__in=users)
    if sid is not None:
        sessions = sessions.filter(sid=sid)
    if keep is not None:
        sessions = sessions.exclude(sid=keep)
    now = timezone.now()
    return sum(now < session.ends_at for session in sessions.revoke(reason))


def end_all_sessions(reason: Reason, *, size: int = 1000) -> Iterator[int]:
    """End the session of everybody who is signed in by now, in slices of `size`.

    Yields after each slice how many were living until then. A session that begins meanwhile stays.
    """
    newest = DeviceSession.objects.order_by("-pk").values_list("pk", flat=True).first()
    standing = DeviceSession.objects.filter(revoked_at=None, pk__lte=newest or 0).order_by("pk")
    last = 0
    while ids := list(standing.filter(pk__gt=last).values_list("pk", flat=True)[:size]):
        now = timezone.now()
        ended = DeviceSession.objects.filter(pk__in=ids).revoke(reason)
        yield sum(now < session.ends_at for session in ended)
        last = ids[-1]


def sign_out(raw: str) -> None:
    """End the session of this refresh token, however old or expired the token is.

    What is not a refresh token of ours ends nothing, writes nothing and is no error: who wants
    to be signed out, and is, need not care.
    """
    try:
        token = RefreshToken(raw, verify=False)
    except TokenError:
        return
    DeviceSession.objects.filter(sid=token.sid, user_id=token.sub).revoke(Reason.LOGOUT)


def end_sessions_of_deleted(instance: AbstractUser, **kwargs: Any) -> None:
    """End the sessions of a user being deleted; the rows stay until their tokens are dead."""
    end_sessions([instance.pk], Reason.DELETED)


def rebind(user: AbstractUser, *, old_hash: str, new_hash: str) -> None:
    """Bind the user's sessions to another hash of the same password.

    To be called in the transaction that stores the hash. The rows are locked in the order of their
    ids, as `revoke` locks them.
    """
    name = user.get_username()
    old = [keys.credential_tag(subkeys, old_hash, name) for subkeys in keys.all_subkeys()]
    new = keys.credential_tag(keys.newest_subkeys(), new_hash, name)
    bound = DeviceSession.objects.filter(user=user.pk, revoked_at=None, credential_tag__in=old)
    rows = list(bound.order_by("pk").select_for_update().values_list("pk", flat=True))
    DeviceSession.objects.filter(pk__in=rows).update(credential_tag=new)
