"""Middleware for any ASGI application that lets only requests with a valid token through."""

import json
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, MutableMapping
from typing import Any, TypeAlias

from latchkey_verifier.bearer import Denial, PublicPaths, denial, read_token
from latchkey_verifier.claims import Claims
from latchkey_verifier.errors import RoleLacking, ScopeLacking, VerifierError
from latchkey_verifier.verifier import Verifier

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]


class Bearer:
    """Passes requests with a valid access token to the application (RFC 6750).

    `claims_of(scope)` returns the claims in the application. Other requests get 401 if the token
    is missing or refused, 403 if the application raises RoleLacking or ScopeLacking before it
    answers, and 503 if the token cannot be checked now. Requests to a path in `public` are not
    checked. A path that ends with "/" includes the paths below it.
    """

    def __init__(self, app: App, verifier: Verifier, public: Collection[str] = ()) -> None:
        self.app = app
        self.verifier = verifier
        self.public = PublicPaths(public)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or scope.get("path", "") in self.public:
            await self.app({**scope, "latchkey": None}, receive, send)
            return
        try:
            claims = await self.verifier.averify(read_token(authorization(scope["headers"])))
        except VerifierError as error:
            await deny(scope, send, denial(error))
        else:
            await self._call(claims, scope, receive, send)

    async def _call(self, claims: Claims, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the application with the claims. Answer 403 if a role or scope is missing."""
        started = False

        async def send_and_record(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app({**scope, "latchkey": claims}, receive, send_and_record)
        except (RoleLacking, ScopeLacking) as lacking:
            if started:
                raise
            await deny(scope, send, denial(lacking))


def has_role(*roles: str) -> Callable[[App], App]:
    """Return a decorator for an ASGI application that requires one of these roles.

    Put the application inside `Bearer`, which answers other users with 403.
    """
    return _require(lambda claims: claims.require_role(*roles))


def has_scope(*scopes: str) -> Callable[[App], App]:
    """Return a decorator for an ASGI application that requires all of these scopes."""
    return _require(lambda claims: claims.require_scope(*scopes))


def _require(check: Callable[[Claims], None]) -> Callable[[App], App]:
    def decorate(app: App) -> App:
        async def checked(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "lifespan":
                check(claims_of(scope))
            await app(scope, receive, send)

        return checked

    return decorate


def claims_of(scope: Mapping[str, Any]) -> Claims:
    """Return the claims of the request's token, from an ASGI scope or a WSGI environ.

    Raises LookupError if the path is public or the request bypassed the middleware.
    """
    claims = scope.get("latchkey")
    if not isinstance(claims, Claims):
        raise LookupError("No access token was verified.")  # noqa: TRY004  (it is missing)
    return claims


def authorization(headers: Iterable[tuple[bytes, bytes]]) -> list[str]:
    """Return the values of the Authorization headers."""
    return [value.decode("latin-1") for name, value in headers if name.lower() == b"authorization"]


async def deny(scope: Scope, send: Send, answer: Denial) -> None:
    """Answer with an error in the site's format, or close a websocket before it opens."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1013 if answer.status == 503 else 1008})
        return
    body = json.dumps(answer.body).encode()
    headers = {
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        **answer.headers,
    }
    pairs = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})
