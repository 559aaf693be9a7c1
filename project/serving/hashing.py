"""Which requests may hash a password."""

from collections.abc import Callable
from contextlib import suppress

from django.urls import NoReverseMatch, reverse

#: The names of the URLs at which a password may be hashed.
NAMES = (
    *("api-login", "me", "password", "password-reset-confirm"),
    *("login", "password-change", "password-link", "email-change", "account-delete"),
)
#: Any form below these URLs may set or verify a password.
ABOVE = ("admin:index", "devices")
SAFE = ("GET", "HEAD", "OPTIONS")


def may_hash() -> Callable[[str, str], bool]:
    """Return a function that returns whether a request (method, path) may hash a password.

    The function is fast, because the gateway calls it for every request. You need not add your own
    views that hash passwords: `accounts.hashers` limits every caller.
    """
    paths: set[str] = set()
    above: tuple[str, ...] = ()
    for name in NAMES:
        with suppress(NoReverseMatch):
            paths.add(reverse(name))
    for name in ABOVE:
        with suppress(NoReverseMatch):
            above += (reverse(name),)

    def hashes(method: str, path: str) -> bool:
        return method not in SAFE and (path in paths or path.startswith(above))

    return hashes
