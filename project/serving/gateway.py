"""The gateway between granian and the site: it passes on requests that have arrived completely.

granian reads from the network without Python's threads and describes a request as ASGI does
(https://asgi.readthedocs.io/en/latest/specs/www.html). The gateway reads the body, and runs the
WSGI application only when the whole body has arrived. So a client that sends slowly occupies
memory, but no thread.
"""

import logging
import time
from collections.abc import Callable
from io import BufferedReader, BytesIO
from threading import Semaphore, Thread
from typing import Any, TypeAlias

from whitenoise.middleware import WhiteNoiseFileResponse

from project.serving.environ import build
from project.serving.lanes import Lanes
from project.serving.streams import Stream
from project.web.json import MAX_BODY_SIZE, longest_body
from project.web.refusal import REFUSAL, RequestRefusal

BODY_TIME = 20  # seconds in which a body must arrive
MAX_DISCARDED = 10_000_000  # bytes of a body that are read although the site refuses it
LARGE_BODIES = 16  # bodies longer than MAX_BODY_SIZE that may be in memory at a time
ALIVE = "/healthz"  # It needs no database, so it is answered while all threads wait for theirs.
SWEEP = 0.5  # seconds between two checks for requests that take too long
TOO_SLOW = RequestRefusal(408, "timeout", "The body did not arrive in time.")
BUSY = RequestRefusal(503, "busy", "The server is busy. Try again.")

Headers: TypeAlias = list[tuple[str, str]]
Site: TypeAlias = Callable[[dict[str, Any], Any], Any]

log = logging.getLogger(__name__)


class Gateway:
    """Serves a WSGI application in at most `threads` threads at a time.

    `hashes` returns whether a request with this method and path may hash a password.
    """

    def __init__(self, site: Site, threads: int, hashes: Callable[[str, str], bool]) -> None:
        self.site = site
        self.threads = threads
        self.hashes = hashes
        self.lanes: Lanes[Exchange] = Lanes(threads, Exchange.answer)
        self.large = Semaphore(LARGE_BODIES)
        #: A client that reads slowly occupies the thread that streams to it. One thread stays free.
        self.streams = Semaphore(max(1, threads - 1))
        #: Requests whose body is arriving, oldest first, with the time at which they are refused.
        self.arriving: dict[Exchange, float] = {}
        #: Another server has taken over, so each answer closes its connection.
        self.retired = False

    def start(self) -> None:
        """Start to refuse requests that take too long."""
        Thread(target=self._sweep_for_ever, daemon=True).start()

    def receive(self, call: Any) -> None:
        """Accept a request whose headers have arrived. granian calls this; it must not raise."""
        try:
            Exchange(self, call).begin()
        except Exception:
            log.exception("request_failed")
            call.done()

    def sweep(self) -> None:
        """Refuse the requests that take too long to arrive, or wait too long to hash."""
        now = time.monotonic()
        for exchange, deadline in list(self.arriving.items()):
            if deadline > now:
                break
            exchange.give_up()
        for exchange in self.lanes.expired(now):
            exchange.refuse(BUSY)

    def _sweep_for_ever(self) -> None:
        while True:
            time.sleep(SWEEP)
            try:
                self.sweep()
            except Exception:
                log.exception("sweep_failed")


class Answer:
    """The response of the site to a request."""

    def __init__(self, response: Any, status: str, headers: Headers) -> None:
        self.response = response
        self.start: dict[str, Any] = {
            "type": "http.response.start",
            "status": int(status[:3]),
            "headers": [
                (name.encode("latin-1"), value.encode("latin-1")) for name, value in headers
            ],
        }
        self.file = static_file(response)
        #: Whether a thread of this process generates the response while it sends it.
        self.is_stream = bool(getattr(response, "streaming", False)) and not self.file


class Exchange:
    """One request and its response."""

    def __init__(self, gateway: Gateway, call: Any) -> None:
        self.gateway = gateway
        self.call = call
        self.environ = build(call.scope)
        self.chunks: list[bytes] = []
        self.missing = 0  # bytes of the body that the gateway has not received
        self.event: Any = None  # the next part of the body, or the end of the connection
        self.is_large = False
        self.discards = False  # The site refuses the request and does not use its body.

    def begin(self) -> None:
        """Read the body, or respond if it is empty or too long even to discard it.

        Most clients read no response before they have sent the whole body.
        """
        length = self.missing = int(self.environ.get("CONTENT_LENGTH", 0))
        longest = longest_body(self.environ["PATH_INFO"])
        self.discards = length > longest or REFUSAL in self.environ
        is_large = length > MAX_BODY_SIZE and not self.discards
        if not length or length > max(longest, MAX_DISCARDED):
            self.enter()
        elif is_large and not self.gateway.large.acquire(blocking=False):
            self.refuse(BUSY)
        else:
            self.is_large = is_large
            self.gateway.arriving[self] = time.monotonic() + BODY_TIME
            self.read()

    def read(self) -> None:
        event = self.event = self.call.proto.receive()
        event.add_done_callback(self.received)
        if self not in self.gateway.arriving:  # Another thread has refused the request.
            event.cancel()

    def received(self, event: Any) -> None:
        """Accept a part of the body. granian calls this, and it must not raise."""
        try:
            self.event = None  # It refers to this exchange and would keep it in memory.
            if not event.cancelled():
                self.take(event.result())
        except Exception:
            log.exception("request_failed")
            self.finish()

    def take(self, message: dict[str, Any]) -> None:
        if message["type"] != "http.request":  # The client has disconnected.
            if self.has_arrived():
                self.finish()
            return
        if not self.discards:
            self.chunks.append(message["body"])
        self.missing -= len(message["body"])
        if self.missing > 0:
            self.read()
        elif self.has_arrived():
            self.enter()

    def has_arrived(self) -> bool:
        """Stop waiting for the body. Return False if another thread has done so before."""
        return self.gateway.arriving.pop(self, None) is not None

    def give_up(self) -> None:
        """Refuse the request because its body has not arrived in time."""
        if self.has_arrived():
            event = self.event
            if event is not None:
                event.cancel()
            self.refuse(TOO_SLOW)

    def enter(self) -> None:
        environ = self.environ
        environ["wsgi.input"] = BytesIO(b"".join(self.chunks))
        if environ["PATH_INFO"] == ALIVE:
            self.answer()
            return
        hashes = self.gateway.hashes(environ["REQUEST_METHOD"], environ["PATH_INFO"])
        self.gateway.lanes.enter(self, hashing=hashes)

    def refuse(self, refusal: RequestRefusal) -> None:
        """Let the site answer the request with a refusal, in this thread."""
        refusal.put_into(self.environ)
        self.environ["wsgi.input"] = BytesIO()
        self.answer()

    def answer(self) -> None:
        """Run the site and send its response."""
        try:
            answer = self.run()
            if answer.is_stream and not self.gateway.streams.acquire(blocking=False):
                answer = self.refuse_stream(answer)
            self.send(answer)
        except Exception:
            log.exception("request_failed")
        finally:
            self.finish()

    def refuse_stream(self, answer: Answer) -> Answer:
        """Run the site again for a refusal. Both lines of the log have the id of the refusal."""
        answer.response.close()
        ident = dict(answer.start["headers"]).get(b"X-Request-ID")
        if ident:
            self.environ["HTTP_X_REQUEST_ID"] = ident.decode("latin-1")
        BUSY.put_into(self.environ)
        return self.run()

    def run(self) -> Answer:
        """Run the site."""
        started: list[tuple[str, Headers]] = []

        def start_response(status: str, headers: Headers) -> None:
            started.append((status, headers))

        response = self.gateway.site(self.environ, start_response)
        return Answer(response, *started[-1])

    def send(self, answer: Answer) -> None:
        """Send the response and close it."""
        protocol = self.call.proto
        # The server closes a connection if part of a body is unread. The client learns it here.
        if self.gateway.retired or self.missing > 0 or "HTTP_TRANSFER_ENCODING" in self.environ:
            answer.start["headers"].append((b"connection", b"close"))
        try:
            protocol.send(answer.start)
            if answer.is_stream:
                Stream(protocol).send(answer.response)
            elif answer.file:
                protocol.send({"type": "http.response.pathsend", "path": answer.file})
            else:
                protocol.send({"type": "http.response.body", "body": b"".join(answer.response)})
        finally:
            if answer.is_stream:
                self.gateway.streams.release()
            answer.response.close()

    def finish(self) -> None:
        """End the exchange. granian answers 500 if no response was sent."""
        if self.is_large:
            self.is_large = False
            self.gateway.large.release()
        self.call.done()


def static_file(response: Any) -> str:
    """Return the path of the file if the response is a whole static file, else "".

    granian sends such a file without Python. Other files may be deleted too early,
    because granian may open the file after the response is closed.
    """
    if not isinstance(response, WhiteNoiseFileResponse):
        return ""
    file = response.file_to_stream
    return str(file.name) if isinstance(file, BufferedReader) else ""
