"""What the adapters of all frameworks share: read the token, and describe a refusal (RFC 6750)."""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from latchkey_verifier.errors import (
    NothingPresented,
    RoleLacking,
    ScopeLacking,
    TokenRefused,
    VerifierError,
    VerifierUnavailable,
)

log = logging.getLogger("latchkey_verifier")

SENTENCES = {
    "not_authenticated": "Sign in: an access token is needed.",
    "token_not_valid": "Token is invalid or expired",
    "permission_denied": "You may not do this.",
    "unavailable": "Tokens cannot be checked now. Try again.",
}
REFUSED = 'Bearer error="invalid_token"'


@dataclass(frozen=True)
class Denial:
    """The answer to a request that is not let through, in the site's format."""

    status: int
    code: str
    own_headers: Mapping[str, str]

    @property
    def headers(self) -> dict[str, str]:
        """Return the headers. No answer of this kind may be cached."""
        return {"Cache-Control": "no-store", **self.own_headers}

    @property
    def body(self) -> dict[str, str]:
        """Return the detail, a sentence for people, and the code."""
        return {"detail": SENTENCES[self.code], "code": self.code}


def read_token(authorization: Sequence[str]) -> str:
    """Return the token in these Authorization headers, or raise NothingPresented.

    If the request has several Authorization headers, return "", which is never a valid token.
    """
    if len(authorization) > 1:
        return ""
    scheme, _, token = "".join(authorization).strip().partition(" ")
    if scheme.lower() != "bearer":
        raise NothingPresented
    return token.strip()


def denial(error: VerifierError) -> Denial:
    """Return the answer for this error (RFC 6750, section 3). Log why a token was refused."""
    match error:
        case NothingPresented():
            return Denial(401, "not_authenticated", {"WWW-Authenticate": "Bearer"})
        case RoleLacking():
            return Denial(403, "permission_denied", {"WWW-Authenticate": "Bearer"})
        case ScopeLacking():
            challenge = f'Bearer error="insufficient_scope", scope="{error.scope}"'
            return Denial(403, "permission_denied", {"WWW-Authenticate": challenge})
        case VerifierUnavailable():
            return Denial(503, "unavailable", {"Retry-After": str(error.retry_after)})
        case TokenRefused():
            log.info("access token refused: %s", error.reason)
    return Denial(401, "token_not_valid", {"WWW-Authenticate": REFUSED})


class PublicPaths:
    """The paths whose requests are not checked.

    A path that ends with "/", such as "/static/", includes every path below it; any other path,
    and "/", is compared as a whole. Raises ValueError for a path that does not begin with "/".
    """

    def __init__(self, paths: Collection[str]) -> None:
        if isinstance(paths, str) or not all(path.startswith("/") for path in paths):
            raise ValueError('public is a list of paths, each of which begins with "/".')
        self._whole = frozenset(paths)
        self._prefixes = tuple(path for path in paths if path.endswith("/") and path != "/")

    def __contains__(self, path: str) -> bool:
        return path in self._whole or (path.startswith(self._prefixes) and is_plain(path))


def is_plain(path: str) -> bool:
    """Return whether the path has only one meaning.

    An application may resolve "/static/../orders" to "/orders", so no prefix includes that path.
    """
    segments = path.replace("\\", "/").split("/")
    # A path begins with "/", so its first segment is empty. Its last one may be.
    return "%" not in path and not {".", ".."} & {*segments} and "" not in segments[1:-1]
