"""Authenticate the requests of httpx, httpx2 and requests with an access token.

After a 401 the token is replaced, and the request is sent once more if its body can be sent again.
"""

import asyncio
import time
from abc import abstractmethod
from collections.abc import AsyncGenerator, Generator
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeGuard, TypeVar, cast

import httpx

from latchkey_client.errors import Unavailable
from latchkey_client.flight import completed
from latchkey_client.requests_auth import RequestsAuth
from latchkey_client.state import Lifetime

if TYPE_CHECKING:
    import httpx2

    AuthBase = httpx.Auth
else:
    try:
        import httpx2
    except ImportError:
        AuthBase = httpx.Auth
    else:  # Both libraries require a subclass of their own Auth.

        class AuthBase(httpx.Auth, httpx2.Auth):
            pass


REJECTION_PAUSE = 10  # seconds
MAX_REJECTING = 64  # origins


class Held(Protocol):
    """An access token and its lifetime."""

    @property
    def access(self) -> str: ...
    @property
    def lifetime(self) -> Lifetime: ...


H = TypeVar("H", bound=Held)


class Bearer(AuthBase, Generic[H]):
    """Adds an access token to requests, and replaces it when it expires or is refused."""

    def __init__(self, patience: float) -> None:
        self.patience = patience
        self._rejecting: dict[str, float] = {}

    @abstractmethod
    def _held(self) -> H | None:
        """Return the present token, which may have expired. Raises SignedOut or StoreError."""

    @abstractmethod
    def _renewed(self, held: H | None, patience: float) -> Future[H]:
        """Return a newer token than this one. Raises Unavailable after `patience` seconds."""

    def access_token(self) -> str:
        """Return a valid access token, and renew it first if it is about to expire.

        Raises SignedOut, Unavailable or Refused.
        """
        held = self._held()
        if held and held.lifetime.is_fresh:
            return held.access
        try:
            return self._renewed(held, self._patience_for(held)).result().access
        except Unavailable:
            if is_valid(held):
                return held.access
            raise

    async def aaccess_token(self) -> str:
        """Return what `access_token` returns. Needs asyncio."""
        held = self._held()
        if held and held.lifetime.is_fresh:
            return held.access
        try:
            renewed = await asyncio.wrap_future(self._renewed(held, self._patience_for(held)))
        except Unavailable:
            if is_valid(held):
                return held.access
            raise
        return renewed.access

    def _patience_for(self, held: H | None) -> float:
        """Return the patience for a renewal that ends before the token expires, if it is valid."""
        remaining = held.lifetime.remaining() if held else 0
        return min(self.patience, remaining / 2) if remaining > 0 else self.patience

    @property
    def requests(self) -> RequestsAuth:
        """The same authentication for the library requests: `requests.get(url, auth=…)`."""
        return RequestsAuth(self)

    @property
    def httpx2(self) -> "httpx2.Auth":
        """This object, with the type that httpx2 expects."""
        return cast("httpx2.Auth", self)

    def sync_auth_flow(
        self, request: httpx.Request
    ) -> Generator[httpx.Request, httpx.Response, None]:
        token = self.access_token()
        response = yield add_token(request, token)
        if self.may_replace(response.request, response.status_code, token):
            token = self.replace_token(token)
            if can_send_again(request):
                response = yield add_token(request, token)
                self.note_status(request, response.status_code)

    async def async_auth_flow(
        self, request: httpx.Request
    ) -> AsyncGenerator[httpx.Request, httpx.Response]:
        token = await self.aaccess_token()
        response = yield add_token(request, token)
        if self.may_replace(response.request, response.status_code, token):
            token = (await asyncio.wrap_future(self._replacement(token))).access
            if can_send_again(request):
                response = yield add_token(request, token)
                self.note_status(request, response.status_code)

    def replace_token(self, token: str) -> str:
        """Return another access token than this one, which an API refused.

        Raises SignedOut, Unavailable or Refused.
        """
        return self._replacement(token).result().access

    def _replacement(self, token: str) -> Future[H]:
        held = self._held()
        if held and held.access != token:
            return completed(held)
        return self._renewed(held, self.patience)

    def may_replace(self, request: Any, status: int, token: str) -> bool:
        """Return whether this answer means that the token has to be replaced.

        A redirect to another origin has removed the token from the request. An API that also
        refused a new token gets no other one for a while, because each costs a refresh.
        """
        sent = request.headers.get("Authorization")
        return (
            status == 401
            and sent == f"Bearer {token}"
            and time.monotonic() >= self._rejecting.get(origin(request), 0)
        )

    def note_status(self, request: Any, status: int) -> None:
        """Remember an origin that refuses a new token."""
        if status == 401:
            if len(self._rejecting) >= MAX_REJECTING:
                self._rejecting.clear()
            self._rejecting[origin(request)] = time.monotonic() + REJECTION_PAUSE


def is_valid(held: H | None) -> TypeGuard[H]:
    return held is not None and held.lifetime.remaining() > 0


def origin(request: Any) -> str:
    url = httpx.URL(str(request.url))
    return f"{url.scheme}://{url.netloc.decode()}"


def add_token(request: httpx.Request, token: str) -> httpx.Request:
    request.headers["Authorization"] = f"Bearer {token}"
    return request


def can_send_again(request: httpx.Request) -> bool:
    """Return whether the body is in memory. Any other body has been read by the first try."""
    try:
        request.content  # noqa: B018  (It raises RequestNotRead, a RuntimeError, for a stream.)
    except RuntimeError:
        return False
    return True
