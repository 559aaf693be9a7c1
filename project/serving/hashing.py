"""Which requests may hash a password."""

from collections.abc import Callable
from contextlib import suppress

from django.urls import NoReverseMatch, reverse

#: The names of the addresses at which a password is hashed, or may be.
NAMES = (
    *("api-login", "me", "password", "password-reset-confirm"),
    *("login", "password-change", "password-link", "email-change", "account-delete"),
)
#: Below this address any form may set a password.
ADMIN = "admin:index"
SAFE = ("GET", "HEAD", "OPTIONS")


def may_hash() -> Callable[[str, str], bool]:
    """Return a function that says of a method and a path whether the request may hash a password.

    It is quick, since every request is asked for. A view of your own that hashes passwords need not
    be known here: `accounts.hashers` limits every caller.
    """
    paths: set[str] = set()
    admin: tuple[str, ...] = ()
    for name in NAMES:
        with suppress(NoReverseMatch):
            paths.add(reverse(name))
    with suppress(NoReverseMatch):
        admin = (reverse(ADMIN),)

    def hashes(method: str, path: str) -> bool:
        return method not in SAFE and (path in paths or path.startswith(admin))

    return hashes
