"""Device sessions, blacklist and signing keys in Django admin: to read, and to end what must end.

Nothing that somebody could sign in with is shown, and no address can ask for it.
"""

from tokens.admin.blacklist import BlacklistAdmin
from tokens.admin.lists import BigTableAdmin, SelectionAdmin
from tokens.admin.sessions import DeviceSessionAdmin, SessionsInline
from tokens.admin.signing_keys import SigningKeyAdmin

__all__ = [
    "BigTableAdmin",
    "BlacklistAdmin",
    "DeviceSessionAdmin",
    "SelectionAdmin",
    "SessionsInline",
    "SigningKeyAdmin",
]
