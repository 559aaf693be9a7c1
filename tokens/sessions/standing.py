"""Whether a device session is valid, and what follows if it is not."""

from hmac import compare_digest
from typing import NamedTuple, Self
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.utils import timezone

from tokens.conf import conf
from tokens.crypto.subkeys import credential_tag, newest_subkeys, tag_subkeys
from tokens.errors import Refusal
from tokens.jwt.claims import AccessToken, SessionToken
from tokens.jwt.grants import allowed_audiences
from tokens.models import DeviceSession, Kind, Reason

#: These refusals revoke the session: it stays invalid even if the user is changed back.
LASTING = {
    Refusal.INACTIVE_USER: Reason.DEACTIVATED,
    Refusal.CREDENTIALS_CHANGED: Reason.CREDENTIALS_CHANGED,
    Refusal.NO_AUDIENCE: Reason.ADMIN,
}


class UserState(NamedTuple):
    """What decides whether a user's sessions are valid. A deleted user is inactive."""

    password_hash: str
    username: str
    is_active: bool

    @classmethod
    def of(cls, user: AbstractUser | None) -> Self:
        if user is None:
            return cls("", "", is_active=False)
        return cls(user.password, user.get_username(), user.is_active)


def refusal_reason(
    session: DeviceSession, user: UserState, token: SessionToken | None = None
) -> Refusal | None:
    """Return why the session is refused now, or None if it is valid. Executes no query.

    With a token, the token must belong to the session's user, and an access token must have the
    present roles. The session of a service account has no user.
    """
    is_service = session.kind == Kind.SERVICE
    if session.revoked_at is not None:
        return Refusal.REVOKED
    if token is not None and token.sub != str(session.user_id) and not is_service:
        return Refusal.WRONG_USER
    if not session.is_active:
        return Refusal.SESSION_EXPIRED
    if not is_service and (reason := refusal_of_person(session, user)):
        return reason
    if isinstance(token, AccessToken) and token["rv"] < session.roles_version:
        return Refusal.ROLES_CHANGED
    return None


def refusal_of_person(session: DeviceSession, user: UserState) -> Refusal | None:
    """Return why the session of a person ends for its user or for the present settings, or None."""
    if not user.is_active:
        return Refusal.INACTIVE_USER
    if not tag_subkeys(session.credential_tag, user.password_hash, user.username):
        return Refusal.CREDENTIALS_CHANGED
    return None if allowed_audiences(session) else Refusal.NO_AUDIENCE


def revoke_if_lasting(session: DeviceSession, reason: Refusal) -> None:
    """Revoke the session if the reason of its refusal is one of LASTING."""
    if reason in LASTING:
        DeviceSession.objects.filter(pk=session.pk).revoke(LASTING[reason])


def verify_browser_session(sid: UUID) -> DeviceSession | None:
    """Return the valid browser session of this `sid`, with its user, or None: one query.

    If the user is inactive or the credentials have changed, the session is revoked.
    """
    sessions = DeviceSession.objects.select_related("user")
    session = sessions.filter(sid=sid, kind=Kind.BROWSER).first()
    if session is None:
        return None
    reason = refusal_reason(session, UserState.of(session.user))
    if reason is None:
        return session
    revoke_if_lasting(session, reason)
    return None


def record_use(session: DeviceSession) -> bool:
    """Store that this valid browser session was used, if the last time was long enough ago.

    That is on another day, which people see in the list of devices, or more than a tenth of the
    idle lifetime ago. The credential tag is computed with the newest subkeys, so that an operator
    can remove a fallback of the secret key later. One query at most. Returns whether this caller
    stored it; of several simultaneous callers one does.
    """
    now, idle_lifetime, user = timezone.now(), conf().idle_lifetime, session.user
    unused_for = now - session.rotated_at
    if user is None or (
        session.rotated_at.date() == now.date() and unused_for < idle_lifetime / 10
    ):
        return False
    unchanged = DeviceSession.objects.filter(
        pk=session.pk, rotated_at=session.rotated_at, credential_tag=session.credential_tag
    )
    session.rotated_at = now
    session.idle_expires_at = min(now + idle_lifetime, session.expires_at)
    session.credential_tag = credential_tag(newest_subkeys(), user.password, user.get_username())
    updated = unchanged.update(
        rotated_at=session.rotated_at,
        idle_expires_at=session.idle_expires_at,
        credential_tag=session.credential_tag,
    )
    return bool(updated)


def renew_tag(session: DeviceSession, user: UserState) -> None:
    """Compute the tag of this valid session with the newest subkeys if a fallback's made it.

    An operator can then remove the fallback of the secret key. The update compares the old tag: a
    hash upgrade that was committed since the row was read keeps its own tag.
    """
    if not settings.SECRET_KEY_FALLBACKS:
        return
    tag = credential_tag(newest_subkeys(), user.password_hash, user.username)
    if not compare_digest(session.credential_tag, tag):
        row = DeviceSession.objects.filter(pk=session.pk, credential_tag=session.credential_tag)
        row.update(credential_tag=tag)
