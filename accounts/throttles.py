"""The limits of the account endpoints and pages. Each function counts one try or raises Throttled.

A view calls it before it calls the function of accounts/changes.py whose tries it counts.
"""

from accounts.changes import Caller
from tokens.http import throttles
from tokens.models.users import fold_login
from tokens.sessions.networks import client_network


def count_current_password(caller: Caller) -> None:
    """Count one try of the caller's current password, before the password is verified."""
    throttles.count_current_password(caller.user.pk, caller.sid, caller.ip_address)


def count_name_change(caller: Caller) -> None:
    """Count one change of the account's names. Each change adds an event."""
    throttles.count("name_change", str(caller.user.pk))


def count_email_change(caller: Caller, email: str) -> None:
    """Count one mail to this new e-mail address, after the password was verified.

    Counted earlier, a thief without the password could use up the owner's mails. The new address
    is counted last, so that a caller over another limit does not use up the address's mails.
    """
    throttles.count("email_change_address", client_network(caller.ip_address))
    throttles.count("email_change_account", str(caller.user.pk))
    throttles.count("email_change_target", fold_login(email))


def count_password_link(email: str, network: str) -> None:
    """Count one request for a password link to this e-mail address, from this client network."""
    throttles.count("reset_address", network)
    throttles.count("reset_account", fold_login(email))


def count_link(network: str) -> None:
    """Count one link that is followed from this client network."""
    throttles.count("link", network)
