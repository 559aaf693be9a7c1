"""What tokens tells the rest of the site, always after the commit: the extension point for others.

The sender is the class of the row that a signal is about: DeviceSession, with the row as `session`,
or BlacklistedToken, with the row as `token`. The last two are about no single row of DeviceSession
and SigningKey. `ip_address` is the address that the present request came from, or None.
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
#: The same, and the request came from another network than the rotation. Sent in addition; both
#: addresses are known. Arguments: session, ip_address, with_key (whether the client sent the
#: Idempotency-Key of the rotation again).
refresh_token_replayed_elsewhere = Signal()
#: Within the grace period a spent token came with another Idempotency-Key than it was spent with,
#: or one of the two came without: a second client of the same store, or a thief. Nothing was given
#: and nothing was ended. Arguments: session, generation (of the token that came), ip_address.
refresh_token_contended = Signal()
#: A genuine token is not in the database's past: it was restored or failed over. Nothing was
#: ended. Arguments: session, generation (of the token that came), ip_address.
refresh_token_out_of_step = Signal()
#: A single access token was made dead before its time; `token.reason` says why. Sent once.
#: Arguments: token.
token_blacklisted = Signal()
#: Roles in access tokens are out of date: the `rights_version` of some sessions has moved.
rights_changed = Signal()
#: A signing key was published or removed.
signing_keys_changed = Signal()


def after_commit(signal: Signal, sender: type[Model] | None = None, **arguments: Any) -> None:
    """Send the signal once what it tells of is committed; a receiver that fails stops nobody.

    Without a sender the first argument is the row that it is about.
    """
    sender = sender or type(next(iter(arguments.values())))
    transaction.on_commit(partial(signal.send_robust, sender, **arguments), robust=True)
