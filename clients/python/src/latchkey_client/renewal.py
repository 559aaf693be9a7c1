"""Change the stored session: renew it, replace it or remove it.

The state is stored before its token is sent, and the successor is stored before it is used. A
process may therefore die at any moment: the next one sends the same token with the same
Idempotency-Key, and receives the same successor (for 24 hours, see the site's docs/rotation.md).
"""

import time

from latchkey_client.core import Ended, Renewed, Retry, Stop, judge_refresh, refresh_request
from latchkey_client.errors import SignedOut, StoreError, Unavailable
from latchkey_client.state import State
from latchkey_client.stores import Store
from latchkey_client.transport import Limit, Transport

TURN_TIMEOUT = 10  # seconds; then the client sends its request without the lock
ENDED = "The session has ended: sign in again."


def read_state(store: Store, site: str) -> tuple[str | None, State | None]:
    """Return the store's text and its state, or None twice. Raises StoreError if it is unreadable.

    An unreadable text is never replaced, because it may contain the only copy of the session.
    """
    text = store.read()
    if text is None:
        return None, None
    try:
        state = State.parse(text)
    except ValueError as error:
        raise StoreError(f"{store} is damaged. Move it away and sign in again.") from error
    if state.site != site:
        raise StoreError(f"{store} has a session at {state.site}, not at {site}. Sign out first.")
    return text, state


def require_state(store: Store, site: str) -> tuple[str, State]:
    """Return the store's text and its state. Raises SignedOut or StoreError."""
    text, state = read_state(store, site)
    if text is None or state is None:
        raise SignedOut
    return text, state


def renew(store: Store, transport: Transport, seen: State, patience: float) -> State:
    """Return a state that is newer than `seen`, after a refresh unless another caller made one.

    Raises SignedOut if the session has ended, and Unavailable after `patience` seconds.
    """
    limit = Limit(patience)
    with store.turn(TURN_TIMEOUT):
        while True:
            read_at = time.monotonic()
            text, state = require_state(store, transport.site)
            if (state.sid, state.generation) != (seen.sid, seen.generation):
                return state
            if not state.pending:
                # A store that cannot be written, because the disk is full, is noticed here, while
                # the token is still valid without its successor.
                unspent, state = text, state.about_to_be_spent()
                text = state.as_text()
                if not store.swap(unspent, text):
                    continue
            if time.monotonic() - read_at > TURN_TIMEOUT:
                # This process was suspended, and another one has not waited for it. The token may
                # be several generations old, and must not be sent.
                continue
            if new := spend(store, transport, state, text, limit):
                return new


def spend(
    store: Store, transport: Transport, state: State, text: str, limit: Limit
) -> State | None:
    """Send the refresh token once, and return the new state after it was stored.

    Returns None after a pause if the request has to be repeated, or if the store has changed.
    Nothing is stored then, so a sign-out that came in between stays one.
    """
    requested_at = time.time()
    answer = transport.send(refresh_request(state))
    match judge_refresh(state, answer, requested_at):
        case Renewed(new):
            return new if store.swap(text, new.as_text()) else None
        case Ended():
            if store.swap(text, None):
                raise SignedOut(ENDED)
        case Retry() as retry:
            limit.wait(retry)
        case Stop(reason):
            raise Unavailable(reason)
    return None


def replace(store: Store, new: State) -> State | None:
    """Store the state of a new sign-in, and return the state it replaced. Raises StoreError."""
    while True:
        text, old = read_state(store, new.site)
        if store.swap(text, new.as_text()):
            return old


def remove(store: Store, site: str, sid: str) -> None:
    """Empty the store if it contains this session. Raises StoreError."""
    while True:
        text, state = read_state(store, site)
        if state is None or state.sid != sid or store.swap(text, None):
            return
