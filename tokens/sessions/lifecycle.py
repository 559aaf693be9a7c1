"""Begin and end device sessions."""

import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractUser
from django.db import transaction
from django.utils import timezone
from rest_framework_simplejwt.exceptions import TokenError

from tokens import signals
from tokens.conf import conf
from tokens.crypto.subkeys import credential_tag, newest_subkeys
from tokens.jwt.claims import Pair, RefreshToken, secret_hash
from tokens.keys.keyring import keyring
from tokens.keys.lifecycle import replace_all
from tokens.models import DeviceSession, Kind, Reason

SLICES_PER_KEY = 50  # that everybody's sessions end in before the signing keys are replaced


@dataclass(frozen=True, kw_only=True)
class Device:
    """Where somebody signs in from, for people to recognise it; each field is cut to its column."""

    label: str = ""
    ip_address: str | None = None
    user_agent: str = ""


def open_session(user: AbstractUser, device: Device) -> Pair | None:
    """Begin a session for the user whose password was just verified, and return its first pair.

    Returns None if the user was deactivated or deleted, or the password changed, since it was
    verified.
    """
    jti, signer = secrets.token_urlsafe(32), keyring.current().signer
    have = conf()
    with transaction.atomic():
        session = _create_session(
            user,
            device,
            jti=jti,
            kind=Kind.TOKEN,
            idle_lifetime=have.idle_lifetime,
            lifetime=have.ABSOLUTE_LIFETIME,
        )
        if session is None:
            return None
        # Whoever changes the roles waits for the row of the user, or was before us.
        roles = list(user.groups.order_by("name").values_list("name", flat=True))
    return Pair.mint(session, jti=jti, subkeys=newest_subkeys(), roles=roles, signer=signer)


def open_browser_session(
    user: AbstractUser, device: Device, *, remember: bool
) -> DeviceSession | None:
    """Begin the session of a browser that keeps a cookie and no tokens; None as `open_session`.

    If the browser is not to `remember` it, it lasts BROWSER_LIFETIME, in use or not.
    """
    have = conf()
    short = have.BROWSER_LIFETIME
    with transaction.atomic():
        return _create_session(
            user,
            device,
            jti=secrets.token_urlsafe(32),  # of a token that is never made
            kind=Kind.BROWSER,
            idle_lifetime=have.idle_lifetime if remember else short,
            lifetime=have.ABSOLUTE_LIFETIME if remember else short,
        )


def _create_session(
    user: AbstractUser,
    device: Device,
    *,
    jti: str,
    kind: Kind,
    idle_lifetime: timedelta,
    lifetime: timedelta,
) -> DeviceSession | None:
    """Add the row of a sign-in, and evict the least recently used if it is one too many.

    The row of the user is written first, and only if it still holds the verified hash, so whoever
    changes it comes either before, and is seen, or after, and finds the session to end. To be
    called in a transaction.
    """
    now, name = timezone.now(), user.get_username()
    same = get_user_model()._base_manager.filter(
        pk=user.pk, is_active=True, password=user.password, username=name
    )
    if not same.update(last_login=now):
        return None
    session = DeviceSession.objects.create(
        user_id=user.pk,
        kind=kind,
        secret_hash=secret_hash(jti),
        nonce=secrets.token_bytes(16),
        credential_tag=credential_tag(newest_subkeys(), user.password, name),
        created_at=now,
        rotated_at=now,
        idle_expires_at=now + idle_lifetime,
        expires_at=now + lifetime,
        device=device.label[:100],
        ip_address=device.ip_address,
        user_agent=device.user_agent[:255],
        auth_time=now,
    )
    _evict_surplus(user)
    signals.after_commit(signals.session_started, session=session)
    return session


def _evict_surplus(user: AbstractUser) -> None:
    """End the least recently used of the user's sessions if there are more than may be."""
    own = DeviceSession.objects.filter(user_id=user.pk)
    surplus = own.active().order_by("-rotated_at", "-pk")[conf().SESSIONS_PER_USER :]
    own.filter(pk__in=surplus.values("pk")).revoke(Reason.EVICTED)


def replace_sessions(user: AbstractUser, sid: UUID) -> Pair | None:
    """End every session of a user whose password was just changed, and begin one in place of `sid`.

    To be called in the transaction that stores the password, and to be rolled back with it where
    None is returned: `sid` was not living any more, and must not live again by this.
    """
    device = _revoke_for_change(user, sid)
    return None if device is None else open_session(user, device)


def replace_browser_sessions(
    user: AbstractUser, sid: UUID, *, remember: bool
) -> DeviceSession | None:
    """Do what `replace_sessions` does, for a browser."""
    device = _revoke_for_change(user, sid)
    if device is None:
        return None
    return open_browser_session(user, device, remember=remember)


def _revoke_for_change(user: AbstractUser, sid: UUID) -> Device | None:
    """End every session of the user and return the device of `sid`, if that one was living."""
    ended = DeviceSession.objects.filter(user=user.pk).revoke(Reason.CREDENTIALS_CHANGED)
    now = timezone.now()
    for old in ended:
        if old.sid == sid and now < old.ends_at:
            return Device(label=old.device, ip_address=old.ip_address, user_agent=old.user_agent)
    return None


def revoke_sessions(
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


def revoke_all_sessions(reason: Reason, *, size: int = 1000) -> Iterator[int]:
    """End the session of everybody who is signed in by now, in slices of `size`.

    Yields after each slice how many were living until then. A session that begins meanwhile stays.
    No process has to know of each for long: after so many slices, and at the end, whatever the end
    is, the signing keys are replaced, and every access token that was out is dead by its key.
    """
    moments: list[datetime] = []
    newest = DeviceSession.objects.order_by("-pk").values_list("pk", flat=True).first()
    standing = DeviceSession.objects.filter(revoked_at=None, pk__lte=newest or 0).order_by("pk")
    last = 0
    try:
        while ids := list(standing.filter(pk__gt=last).values_list("pk", flat=True)[:size]):
            now = timezone.now()
            ended = DeviceSession.objects.filter(pk__in=ids).revoke(reason)
            moments += {cast("datetime", session.revoked_at) for session in ended}
            yield sum(now < session.ends_at for session in ended)
            last = ids[-1]
            if len(moments) == SLICES_PER_KEY:
                replace_all(everybody_ended_at=moments)
                moments = []
    finally:
        replace_all(everybody_ended_at=moments)


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


def revoke_sessions_of_deleted_user(instance: AbstractUser, **kwargs: Any) -> None:
    """End the sessions of a user being deleted, and forget where they were.

    The rows stay until their tokens are dead, and tell of no person: those ended earlier as well.
    """
    revoke_sessions([instance.pk], Reason.DELETED)
    DeviceSession.objects.filter(user=instance.pk).update(
        device="", ip_address=None, rotated_from=None, user_agent=""
    )
