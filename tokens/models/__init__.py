"""The tables: sessions, service accounts, signing keys, the blacklist, events; and the user lookup.

Import the models from this package. It imports only tokens.conf, signals and errors.
"""

from tokens.models.blacklist import BlacklistedToken
from tokens.models.choices import EventKind, Kind, Reason, TokenType
from tokens.models.event import Event
from tokens.models.service_account import ServiceAccount, ServiceSecret
from tokens.models.session import DeviceSession, DeviceSessionQuerySet
from tokens.models.signing_key import SigningKey

__all__ = [
    "BlacklistedToken",
    "DeviceSession",
    "DeviceSessionQuerySet",
    "Event",
    "EventKind",
    "Kind",
    "Reason",
    "ServiceAccount",
    "ServiceSecret",
    "SigningKey",
    "TokenType",
]
