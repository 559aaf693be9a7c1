"""A middleware for any ASGI application: whoever gets through it has shown a good token."""

import json
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, MutableMapping
from typing import Any, TypeAlias

from latchkey_verifier.claims import Claims
from latchkey_verifier.errors import RoleLacking, TokenRefused, VerifierUnavailable
from latchkey_verifier.verifier import Verifier

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

log = logging.getLogger("latchkey_verifier")


class NothingPresentedError(Exception):
    """The request has no bearer token at all."""


class Bearer:
    """Lets requests through that carry a good access token, and answers the others (RFC 6750).

    401 without a token, or with one that is refused; 403 if the application raises RoleLacking
    before it answers; 503 if nobody can know. The claims are in the scope: `claims_of(scope)`.
    Paths in `public` are let through as they are, compared as a whole.
    """

    def __init__(self, app: App, verifier: Verifier, public: Collection[str] = ()) -> None:
        self.app = app
        self.verifier = verifier
        self.public = frozenset(public)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or scope.get("path") in self.public:
            await self.app({**scope, "latchkey": None}, receive, send)
            return
        try:
            claims = await self.verifier.averify(bearer_token(scope["headers"]))
        except NothingPresentedError:
            await refuse(scope, send, 401, "not_authenticated", {"WWW-Authenticate": "Bearer"})
        except TokenRefused as refused:
            log.info("access token refused: %s", refused.reason)
            challenge = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
            await refuse(scope, send, 401, "token_not_valid", challenge)
        except VerifierUnavailable as unavailable:
            wait = {"Retry-After": str(unavailable.retry_after)}
            await refuse(scope, send, 503, "unavailable", wait)
        else:
            await self._call(claims, scope, receive, send)

    async def _call(self, claims: Claims, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the application with the claims, and answer for it if the bearer lacks a role."""
        begun = False

        async def note(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self.app({**scope, "latchkey": claims}, receive, note)
        except RoleLacking:
            if begun:
                raise
            challenge = {"WWW-Authenticate": 'Bearer error="insufficient_scope"'}
            await refuse(scope, send, 403, "permission_denied", challenge)


SENTENCES = {
    "not_authenticated": "Sign in: an access token is needed.",
    "token_not_valid": "Token is invalid or expired",
    "permission_denied": "You may not do this.",
    "unavailable": "Tokens cannot be checked now. Try again.",
}


def claims_of(scope: Mapping[str, Any]) -> Claims:
    """Return the claims of the token that this request came with.

    Raises LookupError for one that did not come through the middleware or is of a public path.
    """
    claims = scope.get("latchkey")
    if not isinstance(claims, Claims):
        raise LookupError("No access token was verified.")  # noqa: TRY004  (it is missing)
    return claims


def bearer_token(headers: Collection[tuple[bytes, bytes]]) -> str:
    """Return the token of the Authorization header, or raise NothingPresentedError.

    Two such headers are one token that nobody can believe.
    """
    values = [value for name, value in headers if name.lower() == b"authorization"]
    if len(values) > 1:
        return ""
    scheme, _, token = b"".join(values).strip().partition(b" ")
    if scheme.lower() != b"bearer":
        raise NothingPresentedError
    return token.strip().decode("latin-1")


async def refuse(
    scope: Scope, send: Send, status: int, code: str, headers: Mapping[str, str]
) -> None:
    """Answer in the shape of the site's own errors; close a websocket before it opens."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1013 if status == 503 else 1008})
        return
    body = json.dumps({"detail": SENTENCES[code], "code": code}).encode()
    headers = {
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "Cache-Control": "no-store",
        **headers,
    }
    pairs = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})
