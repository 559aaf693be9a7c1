"""Refresh a session by HTTP: count the request, then rotate the token."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from tokens.errors import Refusal, TokenRefusedError
from tokens.http.errors import TokenDiffersError
from tokens.http.throttles import count
from tokens.jwt.claims import Pair, RefreshToken
from tokens.jwt.parsing import parse_token
from tokens.sessions.networks import client_network
from tokens.sessions.rotation import rotate


@dataclass(frozen=True)
class NamedToken:
    """The refresh token that a request means to spend, as far as its body names it.

    A script cannot read its browser's cookie, which another tab may have replaced. It therefore
    names the token by `session` and `generation`, as in the pair.
    """

    session: UUID | None = None
    generation: int | None = None

    def require(self, token: RefreshToken) -> None:
        """Raise TokenDiffersError if the token is not the named one."""
        session, generation = self.session, self.generation
        if session not in (None, token.sid) or generation not in (None, token.generation):
            raise TokenDiffersError(token)


def refresh(
    raw: str, *, retry_key: str | None, ip_address: str | None, named: NamedToken | None = None
) -> Pair:
    """Return the pair that follows this refresh token, as `rotate` does.

    Raises Throttled, TokenDiffersError and the errors of `rotate`.
    """
    token = parse_and_count(raw, ip_address)
    if named is not None:
        named.require(token)
    return rotate(token, retry_key=retry_key, ip_address=ip_address)


def parse_and_count(raw: str, ip_address: str | None) -> RefreshToken:
    """Return the refresh token, and count the request, or raise Throttled or TokenRefusedError.

    A genuine token is counted by session, so that an office behind one address is not limited. Any
    other text is counted by network.
    """
    try:
        token = parse_token(RefreshToken, raw)
    except TokenRefusedError as error:
        if error.reason is Refusal.MALFORMED:
            count("forged_token", client_network(ip_address))
        raise
    count("refresh", str(token.sid))
    return token


NO_TEXT = "This field must be a JSON string."
NO_UUID = "This field must be a UUID."
NO_NUMBER = "This field must be a JSON integer of at most 64 bits."
INVALID_KEY = "An Idempotency-Key has 16 to 255 printable ASCII characters."


def idempotency_key(request: Request) -> str | None:
    """Return the Idempotency-Key, 16 to 255 printable ASCII characters, or None."""
    key = request.META.get("HTTP_IDEMPOTENCY_KEY")  # `headers` would copy them all
    if key is not None and not (16 <= len(key) <= 255 and key.isascii() and key.isprintable()):
        raise ValidationError({"Idempotency-Key": [INVALID_KEY]})
    return key


def named_token(body: Any) -> NamedToken | None:
    """Return the token that the body names, or None. Raises ValidationError."""
    if not isinstance(body, dict) or not {"session", "generation"} & body.keys():
        return None
    session, generation = body.get("session"), body.get("generation")
    if not isinstance(session, str | None):
        raise ValidationError({"session": [NO_TEXT]})
    if not isinstance(generation, int | None) or isinstance(generation, bool):
        raise ValidationError({"generation": [NO_NUMBER]})
    try:
        return NamedToken(None if session is None else UUID(session), generation)
    except ValueError as error:
        raise ValidationError({"session": [NO_UUID]}) from error
