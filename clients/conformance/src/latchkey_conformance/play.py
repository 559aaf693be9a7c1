"""One case: a site, a client that is signed in, and what a case does with them."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from latchkey_conformance import rotation
from latchkey_conformance.client import Client, Reply, result
from latchkey_conformance.errors import BrokenError, NotApplicableError
from latchkey_conformance.faults import EXAMPLE, REFRESH, Fault
from latchkey_conformance.rotation import Session
from latchkey_conformance.server import Server
from latchkey_conformance.site import PASSWORD, USERNAME, Request

RECOVERY = 90  # seconds in which a client that says "unavailable" works again
FAILURES = 5  # seconds in which a client works again that fails in another way
EVENT_TIMEOUT = 60  # seconds until a request arrives that the case waits for


class Play:
    """What the cases use. A method raises BrokenError if the client does not do its part."""

    def __init__(self, command: Sequence[str], directory: Path) -> None:
        self.server = Server()
        self.site = self.server.site
        self._command = command
        self._directory = directory
        self._clients: list[Client] = []

    def start(self) -> None:
        """Start the client, and sign in."""
        self.client = self.another()
        self.sign_in()

    def another(self) -> Client:
        """Start the command once more, with the same store."""
        store, log = self._directory / "store", self._directory / "log"
        store.mkdir(exist_ok=True)
        client = Client(self._command, self.site.url, store, log)
        self._clients.append(client)
        client.start()
        return client

    def close(self) -> None:
        for client in self._clients:
            client.kill()
        self.server.close()

    @property
    def session(self) -> Session:
        """The session that was opened last."""
        return [*self.site.sessions.values()][-1]

    @property
    def refreshes(self) -> list[Request]:
        return self.site.seen(REFRESH)

    def sign_in(self, client: Client | None = None) -> None:
        reply = (client or self.client).ask("sign_in", username=USERNAME, password=PASSWORD)
        require(not reply.error, f"The sign-in failed: {reply.fields}")

    def call(
        self, method: str = "GET", body: str | None = None, client: Client | None = None
    ) -> Reply:
        """Let the client send a request with its access token, and return the answer."""
        return (client or self.client).ask("call", method=method, path=EXAMPLE, body=body)

    def calls(self, number: int, *clients: Client) -> list[Reply]:
        """Let each client send this number of requests at the same time."""
        sent = [
            client.send("call", method="GET", path=EXAMPLE, body=None)
            for _ in range(number)
            for client in clients
        ]
        return [result(future) for future in sent]

    def expire(self) -> None:
        """Let the access token expire, so that the next call needs a refresh.

        A client may think that a refresh does not help if a new token is refused. No token is new
        after a quarter of its lifetime, so wait until then.
        """
        rest = self.site.issued_at + self.site.access_lifetime / 4 - time.monotonic()
        time.sleep(max(0, rest))
        self.site.expire_access()

    def fault(self, fault: Fault) -> Fault:
        return self.server.add(fault)

    def reach(self, fault: Fault) -> None:
        """Wait until a request meets the fault."""
        require(fault.reached.wait(EVENT_TIMEOUT), "The client sent no request.")

    def recovers(self, client: Client | None = None, seconds: float = RECOVERY) -> None:
        """Require that a call succeeds, at the latest after this time, without a new sign-in."""
        began = time.monotonic()
        while (reply := self.call(client=client)).status != 200:
            passed = time.monotonic() - began
            limit = seconds if reply.error == "unavailable" else FAILURES
            require(reply.error != "signed_out", "The client says that it is signed out.")
            require(reply.status != 401, "The client returns 401 instead of refreshing.")
            require(passed < limit, f"The client does not recover: {reply.fields}")
            time.sleep(0.5)
        require(not self.session.revoked, f"The session was revoked: {self.session.revoked}.")

    def is_signed_out(self, client: Client | None = None) -> None:
        """Require that the client says that it is signed out."""
        reply = self.call(client=client)
        # A client whose calls are plain HTTP may return the 401 itself.
        is_out = reply.error == "signed_out" or reply.status == 401
        require(is_out, f"The client does not say that it is signed out: {reply.fields}")

    def steal(self, token: str, key: str | None = None) -> str:
        """Refresh as a thief of the token, and return the token that the thief receives, or ""."""
        now = self.site.now()
        try:
            session = rotation.refresh(self.site.sessions, self.site.url, token, key, now)
        except (rotation.RefusedError, rotation.AlreadyRotatedError):
            return ""
        return session.current

    def needs(self, *, store: str = "", call: str = "") -> None:
        """Skip the case unless the client has such a store, or offers this call."""
        stores = {"persistent": ("persistent", "shared"), "shared": ("shared",)}
        if store and self.client.store not in stores[store]:
            raise NotApplicableError(f"its store is not {store}")
        if call and call not in self.client.calls:
            raise NotApplicableError(f"it does not offer {call}")


def require(holds: object, otherwise: str) -> None:
    """Raise BrokenError with this sentence unless the condition holds."""
    if not holds:
        raise BrokenError(otherwise)


@contextmanager
def playing(command: Sequence[str]) -> Iterator[Play]:
    """Start a site and the client, sign in, and end both with the block."""
    with TemporaryDirectory(
        prefix="latchkey-conformance-", ignore_cleanup_errors=True
    ) as directory:
        play = Play(command, Path(directory))
        running.add(play)
        try:
            play.start()
            yield play
        finally:
            running.discard(play)
            play.close()


#: The cases that run now, in several threads.
running: set[Play] = set()


def stop_all() -> None:
    """End the clients and the sites of the cases that run, which then end too."""
    for play in [*running]:
        play.close()


Case = Callable[[Play], Any]
