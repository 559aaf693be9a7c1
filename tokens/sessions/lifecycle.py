"""Start and revoke device sessions."""

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
from tokens.jwt.parsing import require_length
from tokens.keys.keyring import keyring
from tokens.keys.lifecycle import replace_all
from tokens.models import DeviceSession, Kind, Reason

#: `revoke_all_sessions` replaces the signing keys after this many slices.
SLICES_PER_KEY = 50


@dataclass(frozen=True, kw_only=True)
class Device:
    """The device of a sign-in, for people to recognise. Each field is cut to its column."""

    label: str = ""
    ip_address: str | None = None
    user_agent: str = ""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The most that a session's tokens may contain; None is everything that the settings define."""

    scope: str | None = None
    audience: str | None = None


EVERYTHING = Limits()


def open_session(user: AbstractUser, device: Device, limits: Limits = EVERYTHING) -> Pair | None:
    """Start a session for a user whose password was just verified, and return its first pair.

    Returns None if, since the verification, the user was deactivated or deleted, or the password
    was changed. Raises TokenTooLongError if the user has too many roles for an access token.
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
            limits=limits,
        )
        if session is None:
            return None
        # A change of roles locks the user's row first: it is committed, or waits for this one.
        roles = list(user.groups.order_by("name").values_list("name", flat=True))
        # Additional claims can fail: then the sign-in is undone, and no other session was evicted.
        pair = Pair.mint(session, jti=jti, subkeys=newest_subkeys(), roles=roles, signer=signer)
        require_length(str(pair.access))
        return pair


def open_browser_session(
    user: AbstractUser, device: Device, *, remember: bool
) -> DeviceSession | None:
    """Start the session of a browser, which has a cookie and no tokens; None as `open_session`.

    Without `remember` the session expires after BROWSER_LIFETIME, even if it is used.
    """
    have = conf()
    short = have.BROWSER_LIFETIME
    with transaction.atomic():
        return _create_session(
            user,
            device,
            jti=secrets.token_urlsafe(32),  # of a token that is never issued
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
    limits: Limits = EVERYTHING,
) -> DeviceSession | None:
    """Add the row of a sign-in, and revoke the least recently used session if there are too many.

    Call this function in a transaction, in which it writes the user's row first.
    """
    now, name = timezone.now(), user.get_username()
    if not _record_sign_in(user, now):
        return None
    session = DeviceSession.objects.create(
        user=cast("Any", user),  # not only its id, so that custom claims need no query
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
        scope=limits.scope,
        audience=limits.audience,
    )
    _evict_surplus(session)
    signals.publish(signals.session_started, session=session)
    return session


def _record_sign_in(user: AbstractUser, now: datetime) -> bool:
    """Store the time of the sign-in if the user is active and has the verified hash and name.

    A change of these is therefore committed before this statement, which then matches no row, or
    waits until the new session is committed and then revokes it.
    """
    users, name = get_user_model()._base_manager, {user.USERNAME_FIELD: user.get_username()}
    unchanged = users.filter(pk=user.pk, is_active=True, password=user.password, **name)
    return bool(unchanged.update(last_login=now))


def _evict_surplus(new: DeviceSession) -> None:
    """Revoke the least recently used sessions of the user beyond SESSIONS_PER_USER.

    The transaction has locked the user's row, so no other sign-in adds a session in between. The
    new session stays, also if this sign-in has waited while others were used.
    """
    others = DeviceSession.objects.filter(user=new.user).exclude(pk=new.pk)
    latest_first = others.active().order_by("-rotated_at", "-pk").values_list("pk", flat=True)
    surplus = list(latest_first[conf().SESSIONS_PER_USER - 1 :])
    if surplus:
        others.filter(pk__in=surplus).revoke(Reason.EVICTED)


def replace_sessions(user: AbstractUser, sid: UUID) -> Pair | None:
    """Revoke every session of a user whose password was just changed, and start one for `sid`.

    Call this function in the transaction that stores the password. Returns None if `sid` was not
    active: roll the transaction back, because a revoked session must not become active again.
    """
    old = _revoke_for_change(user, sid)
    if old is None:
        return None
    return open_session(user, _device_of(old), Limits(scope=old.scope, audience=old.audience))


def replace_browser_sessions(
    user: AbstractUser, sid: UUID, *, remember: bool
) -> DeviceSession | None:
    """Do the same as `replace_sessions` for a browser."""
    old = _revoke_for_change(user, sid)
    if old is None:
        return None
    return open_browser_session(user, _device_of(old), remember=remember)


def _device_of(session: DeviceSession) -> Device:
    return Device(
        label=session.device, ip_address=session.ip_address, user_agent=session.user_agent
    )


def _revoke_for_change(user: AbstractUser, sid: UUID) -> DeviceSession | None:
    """Revoke every session of the user, and return that of `sid` if it was active."""
    ended = DeviceSession.objects.filter(user=user.pk).revoke(Reason.CREDENTIALS_CHANGED)
    now = timezone.now()
    for old in ended:
        if old.sid == sid and now < old.ends_at:
            return old
    return None


def revoke_sessions(
    users: Iterable[Any], reason: Reason, *, sid: UUID | None = None, keep: UUID | None = None
) -> int:
    """Revoke the sessions of the users with these ids: all, or only `sid`, or all except `keep`.

    Returns how many of them were active; expired sessions do not count. One query.
    """
    sessions = DeviceSession.objects.filter(user__in=users)
    if sid is not None:
        sessions = sessions.filter(sid=sid)
    if keep is not None:
        sessions = sessions.exclude(sid=keep)
    now = timezone.now()
    return sum(now < session.ends_at for session in sessions.revoke(reason))


def revoke_all_sessions(reason: Reason, *, size: int = 1000) -> Iterator[int]:
    """Revoke the sessions of all users, in slices of `size`.

    Yields after each slice how many of its sessions were active. A session that starts later stays.
    After SLICES_PER_KEY slices, and finally even after an exception, the signing keys are replaced.
    That invalidates every outstanding access token, so snapshots do not list these sessions.
    """
    moments: list[datetime] = []
    newest = DeviceSession.objects.order_by("-pk").values_list("pk", flat=True).first()
    people = DeviceSession.objects.exclude(kind=Kind.SERVICE)
    unrevoked = people.filter(revoked_at=None, pk__lte=newest or 0).order_by("pk")
    last = 0
    try:
        while ids := list(unrevoked.filter(pk__gt=last).values_list("pk", flat=True)[:size]):
            now = timezone.now()
            ended = DeviceSession.objects.filter(pk__in=ids).revoke(reason)
            moments += {cast("datetime", session.revoked_at) for session in ended}
            yield sum(now < session.ends_at for session in ended)
            last = ids[-1]
            if len(moments) == SLICES_PER_KEY:
                replace_all(all_revoked_at=moments)
                moments = []
    finally:
        replace_all(all_revoked_at=moments)


def sign_out(raw: str) -> None:
    """Revoke the session of this refresh token, even if the token is spent or would be refused.

    Any other text is ignored: the client wanted to be signed out, and it is.
    """
    try:
        token = RefreshToken(raw, verify=False)
    except TokenError:
        return
    DeviceSession.objects.filter(sid=token.sid, user_id=token.sub).revoke(Reason.LOGOUT)


def revoke_sessions_of_deleted_user(instance: AbstractUser, **kwargs: Any) -> None:
    """Revoke the sessions of a user that is about to be deleted, and erase their devices.

    The rows stay until their last token has expired. They contain no personal data, also those that
    were revoked earlier.
    """
    revoke_sessions([instance.pk], Reason.DELETED)
    DeviceSession.objects.filter(user=instance.pk).update(
        device="", ip_address=None, rotated_from=None, user_agent=""
    )
