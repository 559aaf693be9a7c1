"""The checked and typed claims of a token (RFC 9068, section 2.2, and Latchkey's own claims)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from latchkey_verifier.errors import Refusal, RoleLacking, ScopeLacking, TokenRefused

#: The registered claims and Latchkey's own. All others are custom claims of the site.
OWN_CLAIMS = frozenset(
    (
        *("iss", "aud", "sub", "exp", "nbf", "iat", "jti", "sid", "client_id", "token_type"),
        *("roles", "rv", "auth_time", "scope", "act", "actor_sids", "status"),
    )
)
NO_CLAIMS: Mapping[str, Any] = MappingProxyType({})
MAX_DEPTH = 32  # of lists and objects inside each other


@dataclass(frozen=True, slots=True)
class Place:
    """The status list of the token's session, and the session's index in it."""

    uri: str
    index: int


@dataclass(frozen=True, slots=True)
class Claims:
    """The subject of the token and what it may do. Times are in seconds since 1970.

    Requests with the same token share this object, so nothing in it can be changed: lists are
    tuples, and objects are read-only mappings.
    """

    sub: str  #: the user's public id, which never changes, or the `client_id` of a service
    sid: str  #: the device session
    jti: str  #: this token
    client_id: str
    roles: tuple[str, ...]  #: a service has none
    rv: int  #: the version of the user's roles, which increases when they change
    exp: int
    iat: int
    nbf: int
    auth_time: int  #: when the user last authenticated
    place: Place | None = None
    scopes: tuple[str, ...] = ()
    #: The service that calls on behalf of the user: {"sub": <client_id>} (RFC 8693, section 4.1).
    #: Its own `act`, if any, is an earlier service. Decide by the first `sub` only.
    act: Mapping[str, Any] | None = field(default=None, hash=False)
    #: The claims that the site's own function adds, by name.
    custom: Mapping[str, Any] = field(default_factory=lambda: NO_CLAIMS, hash=False)

    @property
    def is_service(self) -> bool:
        """Whether the subject is a service account and not a person."""
        return self.sub == self.client_id

    def has_role(self, *roles: str) -> bool:
        """Return whether the user had one of these roles when the token was issued."""
        return not {*roles}.isdisjoint(self.roles)

    def has_scope(self, *scopes: str) -> bool:
        """Return whether the token has all of these scopes."""
        return {*scopes} <= {*self.scopes}

    def require_scope(self, *scopes: str) -> None:
        """Raise ScopeLacking unless the token has all of these scopes. The answer is 403."""
        if not self.has_scope(*scopes):
            raise ScopeLacking(*scopes)

    def require_role(self, *roles: str) -> None:
        """Raise RoleLacking unless the user has one of these roles. The answer is 403."""
        if not self.has_role(*roles):
            raise RoleLacking(*roles)

    def check_times(self, now: float, leeway: float) -> None:
        """Raise TokenRefused if the token has expired or is not valid yet."""
        if self.exp <= now - leeway:
            raise TokenRefused(Refusal.EXPIRED)
        if max(self.iat, self.nbf) > now + leeway:
            raise TokenRefused(Refusal.NOT_YET)


def read_claims(claims: Mapping[str, object], *, issuer: str, audience: str) -> Claims:
    """Return the claims of an access token from this issuer for this audience.

    Raises TokenRefused for other tokens. It does not check the times.
    """
    if claims.get("iss") != issuer:
        raise TokenRefused(Refusal.ISSUER)
    if not _is_for(claims.get("aud"), audience):
        raise TokenRefused(Refusal.AUDIENCE)
    if claims.get("token_type") != "access":
        raise TokenRefused(Refusal.WRONG_KIND)
    return Claims(
        sub=text(claims, "sub"),
        sid=text(claims, "sid"),
        jti=text(claims, "jti"),
        client_id=text(claims, "client_id"),
        roles=_read_roles(claims),
        rv=number(claims, "rv"),
        exp=number(claims, "exp"),
        iat=number(claims, "iat"),
        nbf=number(claims, "nbf") if "nbf" in claims else 0,
        auth_time=number(claims, "auth_time"),
        place=_read_place(claims["status"], issuer) if "status" in claims else None,
        scopes=tuple(text(claims, "scope").split()) if "scope" in claims else (),
        act=_read_actor(claims["act"]) if "act" in claims else None,
        custom=read_only({k: v for k, v in claims.items() if k not in OWN_CLAIMS}),
    )


def text(claims: Mapping[str, object], name: str) -> str:
    """Return this claim, or raise TokenRefused unless it is a string that is not empty."""
    value = claims.get(name)
    if not isinstance(value, str) or not value:
        raise TokenRefused(Refusal.CLAIMS)
    return value


def number(claims: Mapping[str, object], name: str) -> int:
    """Return this claim, or raise TokenRefused unless it is an integer (true and false are not)."""
    value = claims.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise TokenRefused(Refusal.CLAIMS)
    return value


def _is_for(aud: object, audience: str) -> bool:
    """Return whether `aud`, a string or a list, names the audience (RFC 7519, section 4.1.3)."""
    if isinstance(aud, list):
        return all(isinstance(name, str) for name in aud) and audience in aud
    return aud == audience


def _read_roles(claims: Mapping[str, object]) -> tuple[str, ...]:
    """Return the claim `roles`, which only the token of a service may lack.

    Raises TokenRefused unless it is a list of strings.
    """
    is_service = claims.get("sub") == claims.get("client_id")
    roles = claims.get("roles", [] if is_service else None)
    if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
        raise TokenRefused(Refusal.CLAIMS)
    return tuple(roles)


def _read_actor(act: object) -> Mapping[str, Any]:
    """Return the claim `act`, or raise TokenRefused unless it names a service."""
    if not isinstance(act, dict):
        raise TokenRefused(Refusal.CLAIMS)
    text(act, "sub")
    actor: Mapping[str, Any] = read_only(act)
    return actor


def read_only(value: Any, depth: int = 0) -> Any:
    """Return a copy of the JSON value that cannot be changed.

    Raises TokenRefused if it is nested too deep, which would end in a RecursionError.
    """
    if depth > MAX_DEPTH:
        raise TokenRefused(Refusal.CLAIMS)
    if isinstance(value, dict):
        members = {name: read_only(member, depth + 1) for name, member in value.items()}
        return MappingProxyType(members)
    if isinstance(value, list):
        return tuple(read_only(item, depth + 1) for item in value)
    return value


def _read_place(status: object, issuer: str) -> Place:
    """Return the list and index in the claim `status`, or raise TokenRefused.

    Only URLs of the issuer's status lists are accepted, so a token cannot make the verifier call
    another URL.
    """
    place = status.get("status_list") if isinstance(status, dict) else None
    if not isinstance(place, dict):
        raise TokenRefused(Refusal.STATUS)
    uri, index = place.get("uri"), place.get("idx")
    own = re.compile(re.escape(issuer) + r"/\.well-known/status/(?:0|[1-9][0-9]{0,8})")
    if not isinstance(uri, str) or not own.fullmatch(uri):
        raise TokenRefused(Refusal.STATUS)
    if not isinstance(index, int) or isinstance(index, bool) or index < 0:
        raise TokenRefused(Refusal.STATUS)
    return Place(uri, index)
