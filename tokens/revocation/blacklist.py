"""Tokens that are made dead before their time, because somebody found them where none belong."""

from datetime import UTC, datetime

from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils import timezone

from tokens.conf import conf
from tokens.errors import InactiveTokenError, UnknownTokenError
from tokens.jwt.claims import AccessToken, RefreshToken
from tokens.jwt.parsing import explain_foreign, verify_own
from tokens.models import BlacklistedToken, DeviceSession, Reason
from tokens.signals import after_commit, token_blacklisted


def blacklist(raw: str, reason: Reason) -> BlacklistedToken | DeviceSession:
    """Make this token dead at once, and return the row that says so: its own or its session's.

    An access token is refused from now on; a refresh token, however old, ends its session. Raises
    UnknownTokenError for what is no token of ours, and InactiveTokenError for what had died
    already. The text itself is kept nowhere.
    """
    token = verify_own(raw)
    if token is None:
        raise UnknownTokenError(explain_foreign(raw) or "This is no token of this site.")
    if isinstance(token, AccessToken):
        return _refuse(token, reason)
    return _end_session(token, reason)


def _refuse(token: AccessToken, reason: Reason) -> BlacklistedToken:
    expires_at = datetime.fromtimestamp(token["exp"], UTC)
    if expires_at + conf().leeway <= timezone.now():
        raise InactiveTokenError("This token is dead already.")
    with transaction.atomic():
        # The lock keeps a deletion of the user from coming between.
        owner = get_user_model()._base_manager.select_for_update().filter(pk=token.sub)
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
            after_commit(token_blacklisted, token=row)
    return row


def _end_session(token: RefreshToken, reason: Reason) -> DeviceSession:
    sessions = DeviceSession.objects.filter(sid=token.sid, user_id=token.sub)
    for session in sessions.revoke(reason):
        return session
    raise InactiveTokenError("This token is dead already.")
