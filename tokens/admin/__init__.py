"""Sessions, service accounts, the blacklist, signing keys and security events in Django admin.

Administrators can read them, revoke sessions, manage service accounts, blacklist tokens and rotate
keys. The pages and their filters reveal no column that could help to sign in.
"""

from tokens.admin.blacklist import BlacklistAdmin
from tokens.admin.events import EventAdmin
from tokens.admin.lists import BigTableAdmin, SelectionAdmin
from tokens.admin.managed import ManagedAdmin
from tokens.admin.service_accounts import ServiceAccountAdmin
from tokens.admin.sessions import DeviceSessionAdmin, SessionsInline
from tokens.admin.signing_keys import SigningKeyAdmin

__all__ = [
    "BigTableAdmin",
    "BlacklistAdmin",
    "DeviceSessionAdmin",
    "EventAdmin",
    "ManagedAdmin",
    "SelectionAdmin",
    "ServiceAccountAdmin",
    "SessionsInline",
    "SigningKeyAdmin",
]
