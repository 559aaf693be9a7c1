"""Rotation: a refresh token is spent, and its successor takes its place.

| the presented refresh token is                                  | what happens                 |
|-----------------------------------------------------------------|------------------------------|
| the current one                                                 | one caller writes, and gets  |
|                                                                 | the successor                |
| its predecessor, spent with an Idempotency-Key that comes again | the same successor again,    |
| within RETRY_WINDOW                                             | byte for byte; not a write   |
| its predecessor, spent without one, and none comes within       | the same                     |
| GRACE_PERIOD                                                    |                              |
| its predecessor, and another key comes than it was spent with,  | AlreadyRotatedError: nothing |
| or only one of the two came with a key, within GRACE_PERIOD     | given, nothing ended         |
| any older one, or the predecessor after that                    | TokenRefusedError; the       |
|                                                                 | session is ended, and        |
|                                                                 | reported once                |
| ahead of the row, or of another lineage than the row            | TokenRefusedError; reported  |
| of a session that has ended or run out, of a user who is gone,  | TokenRefusedError            |
| inactive, or signs in with something else by now                |                              |
| no living refresh token of ours at all                          | TokenRefusedError; the       |
|                                                                 | database is not asked        |

RFC 9700, sections 2.2.2 and 4.14.2. The successor's `jti` is derived from the presented token, the
row's nonce and the secret key together, so whoever holds the predecessor can be answered the same
again although nothing but hashes is kept.
"""

import secrets
from hmac import compare_digest

from django.dispatch import Signal
from django.utils import timezone
from rest_framework_simplejwt.exceptions import ExpiredTokenError, TokenError

from tokens import signals
from tokens.conf import conf
from tokens.crypto.subkeys import Subkeys, all_subkeys, credential_tag, newest_subkeys, tag_subkeys
from tokens.errors import AlreadyRotatedError, Refusal, SessionBusyError, TokenRefusedError
from tokens.http import throttles
from tokens.http.client_address import client_network
from tokens.jwt.claims import Pair, RefreshToken, secret_hash
from tokens.keys.keyring import keyring
from tokens.models import DeviceSession, Reason
from tokens.sessions import statements
from tokens.sessions.statements import SessionState


def rotate(raw: str, *, retry_key: str | None = None, ip_address: str | None = None) -> Pair:
    """Return the pair that follows this refresh token: a new one, or the one it was answered with.

    `retry_key` is the request's Idempotency-Key. Raises TokenRefusedError, AlreadyRotatedError,
    Throttled or, if the row will not stand still, SessionBusyError. What had to be ended is
    committed before that, so it cannot be called inside a transaction: a RuntimeError says so.
    """
    statements.forbid_transaction()
    try:
        token = RefreshToken(raw)
    except ExpiredTokenError as error:
        raise TokenRefusedError(Refusal.EXPIRED) from error
    except TokenError as error:
        throttles.count("forged_token", client_network(ip_address))
        raise TokenRefusedError(Refusal.MALFORMED) from error
    throttles.count("refresh", str(token.sid))
    for _ in range(2):
        pair = consume(token, retry_key, ip_address) or handle_spent_token(
            token, retry_key, ip_address
        )
        if pair is not None:
            return pair
    raise SessionBusyError


def consume(token: RefreshToken, retry_key: str | None, ip_address: str | None) -> Pair | None:
    """Put a successor in the token's place, or return None if the token is not the living one."""
    signer = keyring.current().signer
    now, nonce, subkeys = timezone.now(), secrets.token_bytes(16), newest_subkeys()
    jti = token.successor_jti(nonce, subkeys)
    found = statements.advance(
        sid=token.sid,
        user_id=token.sub,
        generation=token.generation,
        spent_hash=secret_hash(token.jti),
        now=now,
        changes={
            "secret_hash": secret_hash(jti),
            "nonce": nonce,
            "retry_hash": token.retry_hash(retry_key) if retry_key else None,
            "rotated_at": now,
            "idle_expires_at": now + conf().idle_lifetime,
            "rotated_from": ip_address,
        },
    )
    if found is None:
        return None
    roles = found.roles
    if not credentials_match(found) or found.rights_seen != found.session.rights_version:
        # PostgreSQL, after waiting for a lock, returns what is new in this row beside what was old
        # in others: the tag beside the user's old password hash, the version of the rights beside
        # old roles. Only a statement of its own tells what belongs together.
        roles = admit(statements.read(token.sid), token).roles
    return Pair.mint(found.session, jti=jti, subkeys=subkeys, roles=roles, signer=signer)


def handle_spent_token(
    token: RefreshToken, retry_key: str | None, ip_address: str | None
) -> Pair | None:
    """Answer a token that is not the living one, or return None if it turns out to be."""
    signer = keyring.current().signer
    found = admit(statements.read(token.sid), token)
    session, roles = found.session, found.roles
    match session.generation - token.generation:
        case 0 if compare_digest(session.secret_hash, secret_hash(token.jti)):
            return None
        case 1 if subkeys := successor_subkeys(token, session):
            try:
                again = may_replay(token, session, retry_key)
            except AlreadyRotatedError:
                report(signals.refresh_token_contended, session, token, ip_address)
                raise
            if again:
                report_replay(session, ip_address, with_key=bool(retry_key))
                jti = token.successor_jti(session.nonce, subkeys)
                return Pair.mint(session, jti=jti, subkeys=subkeys, roles=roles, signer=signer)
        case distance if distance <= 1:
            report(signals.refresh_token_out_of_step, session, token, ip_address)
            raise TokenRefusedError(Refusal.OUT_OF_STEP)
    for ended in DeviceSession.objects.filter(pk=session.pk).revoke(Reason.REUSE):
        report(signals.refresh_token_reused, ended, token, ip_address)
    raise TokenRefusedError(Refusal.REUSED)


def admit(found: SessionState | None, token: RefreshToken) -> SessionState:
    """Return what was found if that session may still be refreshed with tokens like this one.

    A session whose user is inactive or signs in with something else is ended for good.
    """
    if found is None:
        raise TokenRefusedError(Refusal.UNKNOWN)
    session = found.session
    if session.revoked_at is not None:
        raise TokenRefusedError(Refusal.ENDED)
    if str(session.user_id) != token.sub:
        raise TokenRefusedError(Refusal.FOREIGN_USER)
    if not session.is_active:
        raise TokenRefusedError(Refusal.RUN_OUT)
    if not found.is_active:
        DeviceSession.objects.filter(pk=session.pk).revoke(Reason.DEACTIVATED)
        raise TokenRefusedError(Refusal.INACTIVE)
    if not credentials_match(found):
        DeviceSession.objects.filter(pk=session.pk).revoke(Reason.CREDENTIALS_CHANGED)
        raise TokenRefusedError(Refusal.CREDENTIALS_CHANGED)
    return found


def credentials_match(found: SessionState) -> bool:
    """Return whether the session is bound to what its user signs in with.

    A tag that was made with a fallback of the secret key is made anew with the key itself, if it
    still stands in the row, so that the fallback can be dropped one day.
    """
    session, credentials = found.session, (found.password_hash, found.username)
    subkeys = tag_subkeys(session.credential_tag, *credentials)
    newest = newest_subkeys()
    if subkeys not in (None, newest):
        row = DeviceSession.objects.filter(pk=session.pk, credential_tag=session.credential_tag)
        row.update(credential_tag=credential_tag(newest, *credentials))
    return subkeys is not None


def successor_subkeys(token: RefreshToken, session: DeviceSession) -> Subkeys | None:
    """Return the subkeys that signed the living token if it follows this one, or None."""
    for subkeys in all_subkeys():
        jti = token.successor_jti(session.nonce, subkeys)
        if compare_digest(session.secret_hash, secret_hash(jti)):
            return subkeys
    return None


def may_replay(token: RefreshToken, session: DeviceSession, retry_key: str | None) -> bool:
    """Return whether the holder of the predecessor may be given the living token once more.

    Raises AlreadyRotatedError within the grace period for a caller with another key than the one
    who spent the token. One with a key and one without are two as well: else a thief who always
    came first, without a key, could live beside an owner who has one.
    """
    age = timezone.now() - session.rotated_at
    within_grace = age < conf().GRACE_PERIOD
    shown = token.retry_hash(retry_key) if retry_key else None
    if session.retry_hash is None and shown is None:
        return within_grace
    if session.retry_hash and shown and compare_digest(session.retry_hash, shown):
        return age < conf().RETRY_WINDOW
    if within_grace:
        raise AlreadyRotatedError
    return False


def report_replay(session: DeviceSession, ip_address: str | None, *, with_key: bool) -> None:
    """Tell the site that a client was given the successor again, and whether it has moved.

    It is not refused: a phone changes its network at the moment in which an answer is lost.
    """
    signals.after_commit(signals.refresh_token_sent_again, session=session, ip_address=ip_address)
    rotated_from = session.rotated_from
    if rotated_from is None or ip_address is None:
        return  # A socket file has no address: nobody knows whether the network is another.
    if client_network(rotated_from) != client_network(ip_address):
        signals.after_commit(
            signals.refresh_token_replayed_elsewhere,
            session=session,
            ip_address=ip_address,
            with_key=with_key,
        )


def report(
    signal: Signal, session: DeviceSession, token: RefreshToken, ip_address: str | None
) -> None:
    """Tell the site that a genuine token came which is not the session's living one."""
    signals.after_commit(
        signal, session=session, generation=token.generation, ip_address=ip_address
    )
