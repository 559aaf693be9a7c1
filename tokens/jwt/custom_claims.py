"""Additional claims of access tokens, from the function that TOKENS["CLAIMS"] names."""

import json
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, cast

from django.core.exceptions import ImproperlyConfigured
from django.utils.functional import SimpleLazyObject
from django.utils.module_loading import import_string

from tokens.conf import conf
from tokens.models import DeviceSession

#: The claims that this site writes itself, and the registered ones of RFC 7519 and RFC 9068.
RESERVED = frozenset(
    (
        *("iss", "aud", "sub", "exp", "nbf", "iat", "jti", "sid", "client_id", "token_type"),
        *("roles", "rv", "auth_time", "scope", "act", "may_act", "cnf", "status", "gen"),
        *("actor_sids", "active", "username"),  # the last two are of RFC 7662
    )
)
MAX_SIZE = 1024  # bytes of all additional claims as JSON: a cookie holds 4096

ClaimsFunction = Callable[[Any, DeviceSession], Mapping[str, Any]]


def claims_of(session: DeviceSession) -> dict[str, Any]:
    """Return the additional claims of a person's token, as `custom_claims`."""
    return custom_claims(SimpleLazyObject(lambda: session.user), session)


def custom_claims(subject: Any, session: DeviceSession) -> dict[str, Any]:
    """Return the additional claims of a token for this user or service account.

    Executes no query unless the function does. Raises ImproperlyConfigured if the function returns
    a reserved name, a value that is not JSON, or more than MAX_SIZE bytes.
    """
    if not conf().CLAIMS:
        return {}
    claims = dict(claims_function(conf().CLAIMS)(subject, session))
    reserved = sorted(RESERVED & claims.keys())
    if reserved:
        raise ImproperlyConfigured(f"{conf().CLAIMS} returned the reserved claim {reserved[0]!r}.")
    size = len(encoded(claims))
    if size > MAX_SIZE:
        raise ImproperlyConfigured(
            f"{conf().CLAIMS} returned claims of {size} bytes; {MAX_SIZE} are allowed."
        )
    return claims


def encoded(claims: dict[str, Any]) -> bytes:
    """Return the claims as JSON, or raise ImproperlyConfigured if they would change on the way."""
    try:
        text = json.dumps(claims, allow_nan=False)
        json.dumps(claims, ensure_ascii=False).encode()  # raises for half of a surrogate pair
    except (TypeError, ValueError) as error:
        raise ImproperlyConfigured(
            f"{conf().CLAIMS} returned a claim that is not JSON: {error}"
        ) from error
    if json.loads(text) != claims:
        raise ImproperlyConfigured(
            f"{conf().CLAIMS} returned a claim that JSON changes: use lists, and texts as keys."
        )
    return text.encode()


@cache
def claims_function(path: str) -> ClaimsFunction:
    """Return the function of this dotted path, or raise ImportError."""
    return cast("ClaimsFunction", import_string(path))
