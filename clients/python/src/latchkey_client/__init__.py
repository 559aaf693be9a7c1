"""Sign in to a Latchkey site, and refresh its tokens from any number of threads and processes."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from latchkey_client.client import Client
from latchkey_client.errors import ClientError, Refused, SignedOut, StoreError, Unavailable
from latchkey_client.filestore import FileStore
from latchkey_client.service import ServiceAccount
from latchkey_client.stores import MemoryStore, Store

if TYPE_CHECKING:
    from latchkey_client.keyringstore import KeyringStore

__all__ = [
    "Client",
    "ClientError",
    "FileStore",
    "KeyringStore",
    "MemoryStore",
    "Refused",
    "ServiceAccount",
    "SignedOut",
    "Store",
    "StoreError",
    "Unavailable",
]


def __getattr__(name: str) -> Any:
    """Import KeyringStore when it is used, because it needs a package that is optional."""
    if name == "KeyringStore":
        return import_module("latchkey_client.keyringstore").KeyringStore
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
