"""What tokens tells the rest of the site, always after the commit: the extension point for others.

Every signal has the DeviceSession class as sender and the row as `session`. `ip_address` is the
address that the present request came from, or None.
"""

from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import Model
from django.dispatch import Signal

#: A user signed in. Arguments: session.
session_started = Signal()
#: A session was ended; `session.revoked_reason` says why. Arguments: session.
session_ended = Signal()
#: A spent refresh token came back; its session was ended. Sent once. Arguments: session,
#: generation (of the token that came), ip_address.
refresh_token_reused = Signal()
#: A client was given again what it had been given before. Arguments: session (whose
#: `rotated_from` is the address that rotated), ip_address (the one that asked again).
refresh_token_sent_again = Signal()
#: A genuine token is not in the database's past: it was restored or failed over. Nothing was
#: ended. Arguments: session, generation (of the token that came), ip_address.
refresh_token_out_of_step = Signal()

#: Roles in access tokens are out of date: the `rights_version` of some sessions has moved.
rights_changed = Signal()
#: A signing key was published or removed.
signing_keys_changed = Signal()
#: A single token is refused from now on. Arguments: token (its BlacklistedToken).
token_blacklisted = Signal()


def after_commit(signal: Signal, *, session: Model, **arguments: Any) -> None:
    """Send the signal once what it tells of is committed; a receiver that fails stops nobody."""
    send = partial(signal.send_robust, type(session), session=session, **arguments)
    transaction.on_commit(send, robust=True)
