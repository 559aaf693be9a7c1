"""Responses that are generated while they are sent."""

from collections.abc import Iterable
from threading import Event
from typing import Any

STALLED = 30  # seconds in which a client must read the next part


class Stream:
    """Sends the parts of one response, no faster than the client reads them."""

    def __init__(self, protocol: Any) -> None:
        self._protocol = protocol
        self._client_has_gone = False
        self._watched: Any = None

    def send(self, pieces: Iterable[bytes]) -> None:
        """Send all parts, or stop when the connection ends.

        Raises TimeoutError if the client stops reading.
        """
        self._watch()
        try:
            for piece in filter(None, pieces):
                if self._client_has_gone:
                    return
                wait_for(self._protocol.send(body(piece, more=True)))
            wait_for(self._protocol.send(body(b"", more=False)))
        finally:
            watched, self._watched = self._watched, None
            if watched is not None:
                watched.cancel()

    def _watch(self) -> None:
        self._watched = self._protocol.receive()
        self._watched.add_done_callback(self._noticed)

    def _noticed(self, event: Any) -> None:
        """Note the end of the connection. granian calls this, and it must not raise."""
        if event.cancelled():
            return
        if event.result()["type"] == "http.disconnect":
            self._watched, self._client_has_gone = None, True
        else:
            self._watch()


def body(piece: bytes, *, more: bool) -> dict[str, Any]:
    return {"type": "http.response.body", "body": piece, "more_body": more}


def wait_for(event: Any) -> None:
    """Return when granian has accepted the part, or raise TimeoutError."""
    if not hasattr(event, "add_done_callback"):
        return
    taken = Event()
    event.add_done_callback(lambda _: taken.set())
    if not taken.wait(STALLED):
        event.cancel()
        raise TimeoutError("The client has stopped reading.")
