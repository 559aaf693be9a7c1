"""What a session's tokens may contain: scopes (RFC 6749, section 3.3) and one audience.

The session stores the most that its tokens may contain, each as names separated by spaces: `scope`
and `audience`, or null for everything that the settings define. A request can narrow this for one
access token, and never widen it. Both functions that choose raise the domain errors of
tokens/errors.py, and neither executes a query.
"""

import re
from collections.abc import Iterable, Mapping

from tokens.conf import conf
from tokens.errors import InvalidAudienceError, InvalidScopeError
from tokens.models import DeviceSession

#: The characters of a scope (RFC 6749, section 3.3).
SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,100}")
#: Scopes that the OAuth endpoints themselves require; people do not have them.
SERVICE_SCOPES: Mapping[str, str] = {
    "introspect": "Ask whether a token is valid and what it contains.",
}


def known_scopes() -> Mapping[str, str]:
    """Return every scope that exists, with its sentence."""
    return {**conf().SCOPES, **SERVICE_SCOPES}


def allowed_scopes(session: DeviceSession) -> list[str]:
    """Return the scopes that tokens of this session may contain, in the order of the settings.

    A scope that the settings no longer define is left out.
    """
    if session.scope is None:
        return [*conf().SCOPES]
    stored = session.scope.split()
    return [name for name in known_scopes() if name in stored]


def choose_scope(allowed: Iterable[str], requested: str | None) -> str:
    """Return the scope of a new token: the requested names, or everything that is allowed.

    Raises InvalidScopeError if a requested scope does not exist or is not allowed.
    """
    allowed = [*allowed]
    if requested is None:
        return " ".join(allowed)
    names = dict.fromkeys(requested.split(" "))
    for name in names:
        if name not in allowed:
            raise InvalidScopeError(name)
    return " ".join(names)


def allowed_audiences(session: DeviceSession) -> tuple[str, ...]:
    """Return the audiences that tokens of this session may have; the first is the default.

    An audience that the settings no longer define is left out.
    """
    audiences = conf().audiences
    if session.audience is None:
        return audiences
    stored = session.audience.split() or audiences[:1]
    return tuple(name for name in stored if name in audiences)


def choose_audience(allowed: Iterable[str], requested: str | None) -> str:
    """Return the audience of a new token: the requested one, or the first that is allowed.

    Raises InvalidAudienceError if the requested one is not allowed, or if none is.
    """
    allowed = [*allowed]
    if requested is None and allowed:
        return allowed[0]
    if requested is None or requested not in allowed:
        raise InvalidAudienceError(requested or "")
    return requested
