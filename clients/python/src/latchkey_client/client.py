"""A person's session at a site."""

import asyncio
import time
from concurrent.futures import Future
from functools import partial

import httpx

from latchkey_client.bearer import Bearer
from latchkey_client.core import NO_ANSWER, Answer, Request, Retry, Stop, judge_failure
from latchkey_client.errors import Refused, StoreError, Unavailable
from latchkey_client.flight import SingleFlight
from latchkey_client.renewal import read_state, remove, renew, replace, require_state
from latchkey_client.state import State
from latchkey_client.stores import MemoryStore, Store
from latchkey_client.transport import Limit, Transport


class Client(Bearer[State]):
    """Signs in to a site, keeps the session in a store, and authenticates requests.

    Any number of threads, tasks and processes may use the same store: they refresh together.
    `timeout` is for each request, `patience` for a call with all its retries; both in seconds.
    Pass `http` to use a proxy or a private certificate authority, and close it yourself.
    """

    def __init__(
        self,
        site: str,
        *,
        store: Store | None = None,
        timeout: float = 10,
        patience: float = 30,
        http: httpx.Client | None = None,
    ) -> None:
        super().__init__(patience)
        self._transport = Transport(site, timeout=timeout, http=http)
        self.site = self._transport.site
        self.store: Store = MemoryStore() if store is None else store
        self._renewals: SingleFlight[State] = SingleFlight()

    def sign_in(
        self,
        username: str,
        password: str,
        *,
        device: str = "",
        scope: str = "",
        audience: str = "",
    ) -> None:
        """Sign in with a user name or e-mail address, and store the session.

        `device` is the name that the person sees in the list of devices. `scope` and `audience`
        limit the session. A session that was in the store is signed out. Raises Refused if the
        password is wrong, and Unavailable.
        """
        read_state(self.store, self.site)  # Raises StoreError before a session exists.
        body = {"username": username, "password": password, "device": device}
        limits = {name: text for name, text in (("scope", scope), ("audience", audience)) if text}
        requested_at = time.time()
        answer = self._exchange(Request("/api/auth/login/", body | limits), repeat_lost=False)
        try:
            new = State.from_pair(self.site, answer.json(), requested_at)
        except ValueError as error:
            raise Unavailable("The site's answer to the sign-in cannot be read.") from error
        try:
            old = replace(self.store, new)
        except StoreError:
            self._transport.send(logout_request(new))
            raise
        if old:
            self._transport.send(logout_request(old))

    def refresh(self) -> str:
        """Rotate the refresh token now, and return the new access token.

        Callers that ask at the same time share one rotation. Raises SignedOut or Unavailable.
        """
        return self._rotation().result().access

    def sign_out(self) -> None:
        """End the session at the site, and empty the store. Without a session, do nothing.

        Raises Unavailable if the site could not be asked. The store is empty then too, but the
        session continues at the site until it expires or is ended in the list of devices.
        """
        _, state = read_state(self.store, self.site)
        if state is None:
            return
        try:
            self._exchange(logout_request(state))
        except Refused as error:
            raise Unavailable(str(error)) from error
        finally:
            remove(self.store, self.site, state.sid)

    async def asign_in(
        self,
        username: str,
        password: str,
        *,
        device: str = "",
        scope: str = "",
        audience: str = "",
    ) -> None:
        """Do what `sign_in` does. Needs asyncio."""
        call = partial(self.sign_in, device=device, scope=scope, audience=audience)
        await asyncio.to_thread(call, username, password)

    async def arefresh(self) -> str:
        """Do what `refresh` does. Needs asyncio."""
        return (await asyncio.wrap_future(self._rotation())).access

    async def asign_out(self) -> None:
        """Do what `sign_out` does. Needs asyncio."""
        await asyncio.to_thread(self.sign_out)

    def _held(self) -> State:
        return require_state(self.store, self.site)[1]

    def _renewed(self, held: State | None, patience: float) -> Future[State]:
        seen = held or self._held()
        return self._renewals.join(lambda: renew(self.store, self._transport, seen, patience))

    def _rotation(self) -> Future[State]:
        return self._renewed(self._held(), self.patience)

    def _exchange(self, request: Request, *, repeat_lost: bool = True) -> Answer:
        """Send a request, which may be repeated, until it is answered with success.

        Raises Refused, and Unavailable after `patience` seconds. Without `repeat_lost`, a request
        whose answer is lost is not repeated.
        """
        limit = Limit(self.patience)
        while True:
            answer = self._transport.send(request)
            if answer is None:
                verdict: Retry | Stop = Retry(NO_ANSWER)
                if not repeat_lost:
                    raise Unavailable(NO_ANSWER)
            elif 200 <= answer.status < 300:
                return answer
            else:
                verdict = judge_failure(answer)
            if isinstance(verdict, Stop):
                raise Refused(verdict.reason, status=verdict.status, code=verdict.code)
            limit.wait(verdict)


def logout_request(state: State) -> Request:
    """Return the request that ends the session, which any of its refresh tokens can do."""
    return Request("/api/auth/logout/", {"refresh": state.refresh})
