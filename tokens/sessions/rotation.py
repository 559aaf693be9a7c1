"""Rotation: a client spends a refresh token and receives its successor.

| the presented refresh token is                             | outcome                           |
|------------------------------------------------------------|-----------------------------------|
| the current one                                            | its successor; one caller writes  |
| the predecessor, spent with an Idempotency-Key that is     | the same successor, byte for byte;|
| presented again within RETRY_WINDOW                        | nothing is written                |
| the predecessor, spent without a key and presented without | the same                          |
| one within GRACE_PERIOD                                    |                                   |
| the predecessor within GRACE_PERIOD, with another key, or  | AlreadyRotatedError; the session  |
| with a key where it was spent without one, or the reverse  | continues                         |
| the predecessor later than that, or an older one           | TokenRefusedError; the session is |
|                                                            | revoked, and reported once        |
| ahead of the row, or different from the row's token        | TokenRefusedError; reported       |
| of a session that is revoked or expired, or of a user who  | TokenRefusedError                 |
| is deleted, inactive or has changed the credentials        |                                   |
| expired, or not a refresh token of this site               | TokenRefusedError, without a query|

RFC 9700, sections 2.2.2 and 4.14.2. The successor's `jti` is derived from the presented token, the
row's nonce and the secret key. The holder of the predecessor can therefore receive the same
successor again, although the database contains only hashes.
"""

import secrets
from typing import cast

from django.db import transaction
from django.utils import timezone

from tokens import signals
from tokens.conf import conf
from tokens.crypto.subkeys import Subkeys, newest_subkeys
from tokens.errors import AlreadyRotatedError, Refusal, SessionBusyError, TokenRefusedError
from tokens.jwt.claims import Pair, RefreshToken, secret_hash
from tokens.jwt.custom_claims import claims_of
from tokens.jwt.parsing import parse_token
from tokens.keys.keyring import keyring
from tokens.models import DeviceSession, Reason
from tokens.sessions import statements
from tokens.sessions.networks import client_network
from tokens.sessions.replay import Verdict, judge, successor_subkeys
from tokens.sessions.standing import (
    UserState,
    refusal_reason,
    renew_tag,
    revoke_if_lasting,
)
from tokens.sessions.statements import SessionState
from tokens.signals import DomainSignal


def rotate(
    token: RefreshToken, *, retry_key: str | None = None, ip_address: str | None = None
) -> Pair:
    """Return the pair that follows this refresh token: a new one, or the one already issued.

    `retry_key` is the request's Idempotency-Key. Raises TokenRefusedError, AlreadyRotatedError or
    SessionBusyError. A revocation is committed before the error is raised, so this function raises
    RuntimeError inside a transaction.
    """
    statements.forbid_transaction()
    for _ in range(2):
        pair = consume(token, retry_key, ip_address) or handle_spent_token(
            token, retry_key, ip_address
        )
        if pair is not None:
            return pair
    raise SessionBusyError


def consume(token: RefreshToken, retry_key: str | None, ip_address: str | None) -> Pair | None:
    """Replace the token by its successor, or return None if it is not the current token.

    The function of CLAIMS can fail. It is called first, so that the token is not spent then.
    """
    signer, claims = keyring.current().signer, None
    if conf().CLAIMS:
        session = statements.read_with_user(token.sid, token.jti)
        if session is None or judge(token, session, retry_key) is not Verdict.CURRENT:
            return None
        if not refusal_reason(session, UserState.of(session.user), token):
            claims = claims_of(session)
    now, nonce, subkeys = timezone.now(), secrets.token_bytes(16), newest_subkeys()
    jti = token.successor_jti(nonce, subkeys)
    state = statements.advance(
        token,
        spent_hash=secret_hash(token.jti),
        secret_hash=secret_hash(jti),
        nonce=nonce,
        retry_hash=token.retry_hash(retry_key) if retry_key else None,
        rotated_at=now,
        idle_expires_at=now + conf().idle_lifetime,
        rotated_from=ip_address,
    )
    if state is None:
        return None
    session = state.session
    if refusal_reason(session, state.user, token) or state.roles_version != session.roles_version:
        # After it has waited for a lock, PostgreSQL returns new values of this row together with
        # old values of other rows: the new tag with the old password hash, or the new version of
        # the roles with the old roles. A second statement returns values that belong together.
        state = read_valid(token)
    renew_tag(state.session, state.user)
    signals.after_commit(signals.refresh_token_rotated, session=session)
    roles = state.roles
    return Pair.mint(session, jti=jti, subkeys=subkeys, roles=roles, signer=signer, claims=claims)


def handle_spent_token(
    token: RefreshToken, retry_key: str | None, ip_address: str | None
) -> Pair | None:
    """Answer a token that `consume` did not accept, or return None if it is the current token."""
    signer = keyring.current().signer
    state = read_valid(token)
    session = state.session
    match judge(token, session, retry_key):
        case Verdict.CURRENT:
            return None
        case Verdict.REPLAY:
            report_replay(session, ip_address, with_key=bool(retry_key))
            subkeys = cast("Subkeys", successor_subkeys(token, session))
            jti = token.successor_jti(session.nonce, subkeys)
            return Pair.mint(session, jti=jti, subkeys=subkeys, roles=state.roles, signer=signer)
        case Verdict.CONTENDED:
            report(signals.refresh_token_contended, session, token, ip_address)
            raise AlreadyRotatedError
        case Verdict.OUT_OF_STEP:
            report(signals.refresh_token_out_of_step, session, token, ip_address)
            raise TokenRefusedError(Refusal.OUT_OF_STEP)
    # The verdict is REUSED. The revocation and its events are committed before the error is raised.
    with transaction.atomic():
        for revoked in DeviceSession.objects.filter(pk=session.pk).revoke(Reason.REUSE):
            report(signals.refresh_token_reused, revoked, token, ip_address)
    raise TokenRefusedError(Refusal.REUSED)


def find_current(raw: str) -> RefreshToken:
    """Return the refresh token if it is the current one of a valid session: one query, no write.

    Raises TokenRefusedError.
    """
    token = parse_token(RefreshToken, raw)
    state = statements.read(token.sid)
    if state is None:
        raise TokenRefusedError(Refusal.UNKNOWN_SESSION)
    if reason := refusal_reason(state.session, state.user, token):
        raise TokenRefusedError(reason)
    if judge(token, state.session, None) is not Verdict.CURRENT:
        raise TokenRefusedError(Refusal.REUSED)
    return token


def read_valid(token: RefreshToken) -> SessionState:
    """Return the present state of the token's session, or raise TokenRefusedError.

    If the user is inactive or the credentials have changed, the session is revoked.
    """
    state = statements.read(token.sid)
    if state is None:
        raise TokenRefusedError(Refusal.UNKNOWN_SESSION)
    reason = refusal_reason(state.session, state.user, token)
    if reason is not None:
        revoke_if_lasting(state.session, reason)
        raise TokenRefusedError(reason)
    return state


def report_replay(session: DeviceSession, ip_address: str | None, *, with_key: bool) -> None:
    """Send the signal of a replay, and a second one if it came from another network.

    The site answers in both cases: a phone changes its network exactly when an answer is lost.
    """
    signals.after_commit(signals.refresh_token_sent_again, session=session, ip_address=ip_address)
    rotated_from = session.rotated_from
    if rotated_from is None or ip_address is None:
        return  # A request through a socket file has no address to compare.
    if client_network(rotated_from) != client_network(ip_address):
        signals.after_commit(
            signals.refresh_token_replayed_elsewhere,
            session=session,
            ip_address=ip_address,
            with_key=with_key,
        )


def report(
    signal: DomainSignal,
    session: DeviceSession,
    token: RefreshToken,
    ip_address: str | None,
) -> None:
    """Send the signal that a genuine token was presented and is not the session's current one."""
    signals.publish(signal, session=session, generation=token.generation, ip_address=ip_address)
