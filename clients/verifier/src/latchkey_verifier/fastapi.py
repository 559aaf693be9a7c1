"""A dependency for FastAPI that verifies the access token and appears in the OpenAPI document."""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from typing import Annotated

from fastapi import Depends, HTTPException, WebSocketException
from fastapi.openapi.models import HTTPBearer
from fastapi.requests import HTTPConnection
from fastapi.security import SecurityScopes
from fastapi.security.base import SecurityBase

from latchkey_verifier.bearer import PublicPaths, denial, read_token
from latchkey_verifier.claims import Claims
from latchkey_verifier.errors import NothingPresented, RoleLacking, ScopeLacking, VerifierError
from latchkey_verifier.verifier import Verifier

Dependency = Callable[..., Awaitable[Claims]]


class LatchkeyBearer(SecurityBase):
    """A dependency whose value is the caller's Claims (RFC 6750).

    Other requests get 401, 403 or 503, as from `latchkey_verifier.Bearer`, in FastAPI's format
    {"detail": "…"}. A websocket is closed before it opens. `Security(bearer, scopes=[…])` requires
    all of the scopes. A RoleLacking or ScopeLacking that the endpoint raises becomes a 403. For a
    path in `public` the value is None. `scheme_name` is the scheme's name in the OpenAPI document.
    """

    def __init__(
        self, verifier: Verifier, public: Collection[str] = (), *, scheme_name: str = "Latchkey"
    ) -> None:
        self.verifier = verifier
        self.public = PublicPaths(public)
        self.scheme_name = scheme_name
        self.model = HTTPBearer(
            bearerFormat="JWT", description=f"An access token of {verifier.issuer}."
        )

    async def __call__(
        self, connection: HTTPConnection, required: SecurityScopes
    ) -> AsyncIterator[Claims | None]:
        if connection.scope["path"] in self.public:
            yield None
            return
        try:
            header = connection.headers.getlist("Authorization")
            claims = await self.verifier.averify(read_token(header))
            claims.require_scope(*required.scopes)
        except VerifierError as error:
            raise refusal(connection, error) from error
        try:
            yield claims
        except (RoleLacking, ScopeLacking) as lacking:
            raise refusal(connection, lacking) from lacking

    def has_role(self, *roles: str) -> Dependency:
        """Return a dependency that requires one of these roles. Its value is the Claims."""
        return self._require(lambda claims: claims.require_role(*roles))

    def has_scope(self, *scopes: str) -> Dependency:
        """Return a dependency that requires all of these scopes. Its value is the Claims."""
        return self._require(lambda claims: claims.require_scope(*scopes))

    def _require(self, check: Callable[[Claims], None]) -> Dependency:
        async def checked(
            connection: HTTPConnection, claims: Annotated[Claims | None, Depends(self)]
        ) -> Claims:
            try:
                if claims is None:  # The path is public, so no token was read.
                    raise NothingPresented
                check(claims)
            except VerifierError as error:
                raise refusal(connection, error) from error
            return claims

        return checked


def refusal(connection: HTTPConnection, error: VerifierError) -> HTTPException | WebSocketException:
    """Return the exception that makes FastAPI answer, or close the websocket."""
    answer = denial(error)
    if connection.scope["type"] == "websocket":
        return WebSocketException(1013 if answer.status == 503 else 1008)
    return HTTPException(answer.status, answer.body["detail"], answer.headers)
