"""What a token says, checked and typed (RFC 9068, section 2.2, and what Latchkey adds)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from latchkey_verifier.errors import Refusal, RoleLacking, TokenRefused


@dataclass(frozen=True, slots=True)
class Place:
    """Where the token's session stands in a status list."""

    uri: str
    index: int


@dataclass(frozen=True, slots=True)
class Claims:
    """Who presents the token, and what they may do. Times are seconds since 1970."""

    sub: str  #: the user's public id, which never changes
    sid: str  #: the device session
    jti: str  #: this token
    client_id: str
    roles: tuple[str, ...]
    rv: int  #: version of the user's rights; it grows when they change
    exp: int
    iat: int
    nbf: int
    auth_time: int  #: when the user last proved who they are
    place: Place | None = None

    def has_role(self, role: str) -> bool:
        """Return whether the user had this role when the token was made."""
        return role in self.roles

    def require_role(self, role: str) -> None:
        """Raise RoleLacking, which the middleware answers with 403, unless the user has it."""
        if role not in self.roles:
            raise RoleLacking(role)

    def check_times(self, now: float, leeway: float) -> None:
        """Raise TokenRefused unless the token lives at this moment."""
        if self.exp <= now - leeway:
            raise TokenRefused(Refusal.EXPIRED)
        if max(self.iat, self.nbf) > now + leeway:
            raise TokenRefused(Refusal.NOT_YET)


def read_claims(claims: Mapping[str, object], *, issuer: str, audience: str) -> Claims:
    """Return the claims of an access token for us, or raise TokenRefused; times are not checked."""
    if claims.get("iss") != issuer:
        raise TokenRefused(Refusal.ISSUER)
    if not _is_for(claims.get("aud"), audience):
        raise TokenRefused(Refusal.AUDIENCE)
    if claims.get("token_type") != "access":
        raise TokenRefused(Refusal.WRONG_KIND)
    roles = claims.get("roles")
    if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
        raise TokenRefused(Refusal.CLAIMS)
    return Claims(
        sub=text(claims, "sub"),
        sid=text(claims, "sid"),
        jti=text(claims, "jti"),
        client_id=text(claims, "client_id"),
        roles=tuple(roles),
        rv=number(claims, "rv"),
        exp=number(claims, "exp"),
        iat=number(claims, "iat"),
        nbf=number(claims, "nbf") if "nbf" in claims else 0,
        auth_time=number(claims, "auth_time"),
        place=_read_place(claims["status"], issuer) if "status" in claims else None,
    )


def text(claims: Mapping[str, object], name: str) -> str:
    """Return this claim, some characters, or raise TokenRefused."""
    value = claims.get(name)
    if not isinstance(value, str) or not value:
        raise TokenRefused(Refusal.CLAIMS)
    return value


def number(claims: Mapping[str, object], name: str) -> int:
    """Return this claim, a whole number and neither true nor false, or raise TokenRefused."""
    value = claims.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise TokenRefused(Refusal.CLAIMS)
    return value


def _is_for(audience: object, us: str) -> bool:
    """Return whether `aud`, a string or a list of strings (RFC 7519, section 4.1.3), names us."""
    if isinstance(audience, list):
        return all(isinstance(name, str) for name in audience) and us in audience
    return audience == us


def _read_place(status: object, issuer: str) -> Place:
    """Return the place that the claim `status` names, which is in a list of the issuer's own.

    Any other address is refused before it is called.
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
