"""Whether a genuine refresh token of a valid session is current, may be replayed, or is reused."""

from enum import Enum, auto
from hmac import compare_digest

from django.utils import timezone

from tokens.conf import conf
from tokens.crypto.subkeys import Subkeys, all_subkeys
from tokens.jwt.claims import RefreshToken, secret_hash
from tokens.models import DeviceSession


class Verdict(Enum):
    """What a refresh token is to its session, and so how it is answered."""

    CURRENT = auto()  #: the only valid token of the session
    REPLAY = auto()  #: the predecessor; this client receives the successor again
    CONTENDED = auto()  #: the predecessor, from a second client within the grace period
    REUSED = auto()  #: an older token, or the predecessor after the retry windows
    OUT_OF_STEP = auto()  #: a token that the row does not know, as after a restored backup


def judge(token: RefreshToken, session: DeviceSession, retry_key: str | None) -> Verdict:
    """Return what the token is to the session. `retry_key` is the request's Idempotency-Key."""
    distance = session.generation - token.generation
    if distance == 0 and compare_digest(session.secret_hash, secret_hash(token.jti)):
        return Verdict.CURRENT
    if distance == 1 and successor_subkeys(token, session):
        return judge_predecessor(token, session, retry_key)
    return Verdict.REUSED if distance > 1 else Verdict.OUT_OF_STEP


def judge_predecessor(
    token: RefreshToken, session: DeviceSession, retry_key: str | None
) -> Verdict:
    """Return whether this client may receive the successor of the predecessor again.

    A client with a key and a client without one count as two clients. Otherwise a thief who always
    came first, without a key, could stay unnoticed next to an owner who sends keys.
    """
    age = timezone.now() - session.rotated_at
    within_grace = age < conf().GRACE_PERIOD
    stored, presented = session.retry_hash, token.retry_hash(retry_key) if retry_key else None
    if stored is None and presented is None:
        return Verdict.REPLAY if within_grace else Verdict.REUSED
    if stored and presented and compare_digest(stored, presented):
        return Verdict.REPLAY if age < conf().RETRY_WINDOW else Verdict.REUSED
    return Verdict.CONTENDED if within_grace else Verdict.REUSED


def successor_subkeys(token: RefreshToken, session: DeviceSession) -> Subkeys | None:
    """Return the subkeys that signed the current token if it follows this one, or None."""
    for subkeys in all_subkeys():
        jti = token.successor_jti(session.nonce, subkeys)
        if compare_digest(session.secret_hash, secret_hash(jti)):
            return subkeys
    return None
