"""The signals of tokens. Connect receivers to extend the site.

Each signal is sent after the commit. Its attribute `in_transaction` is another signal, which is
sent before the commit, in the transaction that makes the change. An exception of its receiver
undoes the change. It has the same arguments unless the comment below names others. Outside of a
transaction it is sent immediately.

The sender is the class of the row that the first argument names. `ip_address` is the IP address of
the current request, or None.
"""

from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import Model
from django.dispatch import Signal


class DomainSignal(Signal):
    """A signal after the commit, with `in_transaction` as the signal before it."""

    def __init__(self) -> None:
        super().__init__()
        self.in_transaction = Signal()


#: A user signed in. Arguments: session.
session_started = DomainSignal()
#: A session was revoked; `session.revoked_reason` has the reason. Arguments: session. The signal in
#: the transaction is sent once per statement. Arguments: sessions (a list).
session_ended = DomainSignal()
#: A client spent a refresh token and received a new successor. A refresh writes no event, so there
#: is nothing to do in the transaction. Arguments: session.
refresh_token_rotated = DomainSignal()
#: A client presented a spent refresh token, and its session was revoked. Sent once. Arguments:
#: session, generation (of the presented token), ip_address.
refresh_token_reused = DomainSignal()
#: A client repeated a rotation and received the same successor. Arguments: session (its
#: `rotated_from` is the IP address of the rotation), ip_address.
refresh_token_sent_again = DomainSignal()
#: Sent in addition to `refresh_token_sent_again` if both IP addresses are known and belong to
#: different networks. Arguments: session, ip_address, with_key (whether the client repeated the
#: Idempotency-Key of the rotation).
refresh_token_replayed_elsewhere = DomainSignal()
#: Within the grace period, a spent token was presented with another Idempotency-Key than at its
#: rotation, or with a key at only one of the two times: by a second client that shares the token,
#: or by a thief. No token was issued, and no session was revoked. Arguments: session, generation
#: (of the presented token), ip_address.
refresh_token_contended = DomainSignal()
#: The database has no record of a genuine token, because it was restored or failed over. No
#: session was revoked. Arguments: session, generation (of the presented token), ip_address.
refresh_token_out_of_step = DomainSignal()
#: An access token was blacklisted; `token.reason` has the reason. Sent once. Arguments: token.
token_blacklisted = DomainSignal()
#: The `roles_version` of some sessions has increased: older access tokens are refused. The sender
#: is DeviceSession. The signal in the transaction has the argument users: a QuerySet of the users
#: whose roles change.
roles_changed = DomainSignal()
#: A service account got a new secret. Arguments: secret (a ServiceSecret, without the text).
service_secret_created = DomainSignal()
#: A program used a secret for the first time. Arguments: secret.
service_secret_used = DomainSignal()
#: A signing key was published or removed. The sender is SigningKey.
signing_keys_changed = DomainSignal()
#: A signing key was published. Arguments: key (a SigningKey), replaces_all (whether all other keys
#: were removed).
signing_key_published = DomainSignal()
#: The user of this session had not signed in on this device and network before. Arguments: session.
new_device_used = DomainSignal()
#: A user was changed. The sender is the user model. Arguments: user_id, fields (the names of the
#: changed fields), is_active (the value after the change).
account_changed = DomainSignal()
#: An administrator added, changed or deleted rows in Django admin. The sender is the model of the
#: rows. Arguments: rows, action ("add", "change" or "delete"), fields (the names of the changed
#: fields for people).
administrator_acted = DomainSignal()
#: A try was counted in this process only, because the store of the throttles does not answer. This
#: is a signal of Django, which is sent immediately. The sender is None.
throttle_storage_failed = Signal()


def publish(signal: DomainSignal, sender: type[Model] | None = None, **arguments: Any) -> None:
    """Send the signal in the transaction now, and to the other receivers after the commit.

    The default sender is the class of the first argument.
    """
    sender = sender or type(next(iter(arguments.values())))
    signal.in_transaction.send(sender, **arguments)
    after_commit(signal, sender, **arguments)


def after_commit(signal: Signal, sender: type[Model] | None = None, **arguments: Any) -> None:
    """Send the signal only after the current transaction commits.

    An exception in one receiver does not stop the others. The default sender is the class of the
    first argument.
    """
    sender = sender or type(next(iter(arguments.values())))
    transaction.on_commit(partial(signal.send_robust, sender, **arguments), robust=True)
