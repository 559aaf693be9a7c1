"""Blacklist access tokens before they expire, for example because they were leaked."""

from contextlib import suppress
from datetime import UTC, datetime

from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from tokens.conf import conf
from tokens.errors import InactiveTokenError, UnknownTokenError
from tokens.jwt.claims import AccessToken, RefreshToken
from tokens.jwt.parsing import explain_foreign, verify_own
from tokens.models import BlacklistedToken, DeviceSession, Reason
from tokens.signals import publish, token_blacklisted


def blacklist(raw: str, reason: Reason) -> BlacklistedToken | DeviceSession:
    """Invalidate this token immediately, and return the row that was added or revoked.

    An access token is blacklisted; a refresh token, even an old one, revokes its session. Raises
    UnknownTokenError for other texts, and InactiveTokenError if the token was invalid already. The
    text itself is not stored.
    """
    token = verify_own(raw)
    if token is None:
        raise UnknownTokenError(explain_foreign(raw) or _("This site did not issue this token."))
    if isinstance(token, AccessToken):
        return _refuse(token, reason)
    return _end_session(token, reason)


def revoke_token(raw: str) -> None:
    """Revoke the session of this token, or the token alone (RFC 7009). Ignore any other text.

    A refresh token, even an expired one, and the access token of a person revoke their session. An
    access token of a service account, or one that a service exchanged, is blacklisted alone: its
    holder cannot disable the secret or sign the person out.
    """
    token = verify_own(raw)
    if token is None:
        return
    with suppress(InactiveTokenError):
        if isinstance(token, RefreshToken):
            _end_session(token, Reason.LOGOUT)
        elif token.is_service or "act" in token:
            _refuse(token, Reason.LOGOUT)
        elif not has_expired(token):
            DeviceSession.objects.filter(sid=token.sid, user_id=token.sub).revoke(Reason.LOGOUT)


def has_expired(token: AccessToken) -> bool:
    """Return whether no verifier accepts the token any longer."""
    return datetime.fromtimestamp(token["exp"], UTC) + conf().leeway <= timezone.now()


def _refuse(token: AccessToken, reason: Reason) -> BlacklistedToken:
    expires_at = datetime.fromtimestamp(token["exp"], UTC)
    if has_expired(token):
        raise InactiveTokenError(_("This token has expired or was revoked before."))
    with transaction.atomic():
        # The lock delays a deletion of the user until the row is committed.
        owner = get_user_model()._base_manager.select_for_update().filter(pk=token.user_id)
        row, new = BlacklistedToken.objects.get_or_create(
            jti=token.jti,
            defaults={
                "token_type": token.token_type,
                "user": owner.first(),
                "reason": reason,
                "expires_at": expires_at,
            },
        )
        if new:
            publish(token_blacklisted, token=row)
    return row


def _end_session(token: RefreshToken, reason: Reason) -> DeviceSession:
    sessions = DeviceSession.objects.filter(sid=token.sid, user_id=token.sub)
    for session in sessions.revoke(reason):
        return session
    raise InactiveTokenError(_("This token has expired or was revoked before."))
