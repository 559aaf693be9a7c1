"""Check whether a browser's session is still valid, and record its use."""

from uuid import UUID

from django.utils import timezone

from tokens.conf import conf
from tokens.crypto.subkeys import credential_tag, newest_subkeys, tag_subkeys
from tokens.models import DeviceSession, Kind, Reason


def verify_browser_session(sid: UUID) -> DeviceSession | None:
    """Return the session, with its user, if the browser that carries it is signed in: one query.

    One whose user is inactive, or signs in with something else by now, is ended for good.
    """
    sessions = DeviceSession.objects.select_related("user")
    session = sessions.filter(sid=sid, kind=Kind.BROWSER).first()
    if session is None or session.user is None or not session.is_active:
        return None
    user = session.user
    credentials = (user.password, user.get_username())
    if not user.is_active:
        reason = Reason.DEACTIVATED
    elif not tag_subkeys(session.credential_tag, *credentials):
        reason = Reason.CREDENTIALS_CHANGED
    else:
        return session
    DeviceSession.objects.filter(pk=session.pk).revoke(reason)
    return None


def record_use(session: DeviceSession) -> bool:
    """Note that this believed session of a browser is used, if that is to be seen: one query.

    It is where the day has changed, which is what people are shown, or a tenth of the idle lifetime
    is over. The tag is made anew, so that a fallback of the secret key can be dropped one day.
    Returns whether this caller noted it; of simultaneous ones one does.
    """
    now, idle_lifetime, user = timezone.now(), conf().idle_lifetime, session.user
    unused_for = now - session.rotated_at
    if user is None or (
        session.rotated_at.date() == now.date() and unused_for < idle_lifetime / 10
    ):
        return False
    as_seen = DeviceSession.objects.filter(
        pk=session.pk, rotated_at=session.rotated_at, credential_tag=session.credential_tag
    )
    session.rotated_at = now
    session.idle_expires_at = min(now + idle_lifetime, session.expires_at)
    session.credential_tag = credential_tag(newest_subkeys(), user.password, user.get_username())
    noted = as_seen.update(
        rotated_at=session.rotated_at,
        idle_expires_at=session.idle_expires_at,
        credential_tag=session.credential_tag,
    )
    return bool(noted)
