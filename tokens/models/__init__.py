"""The tables: device sessions, signing keys and the blacklist, and how users are found.

Their names can be imported from the package. It imports only tokens.conf, signals and errors.
"""

from tokens.models.blacklist import BlacklistedToken
from tokens.models.choices import Kind, Reason, TokenType
from tokens.models.session import DeviceSession, DeviceSessionQuerySet
from tokens.models.signing_key import SigningKey

__all__ = [
    "BlacklistedToken",
    "DeviceSession",
    "DeviceSessionQuerySet",
    "Kind",
    "Reason",
    "SigningKey",
    "TokenType",
]
