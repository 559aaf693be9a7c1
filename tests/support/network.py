"""A proxy between the browser and the site, which drops and delays answers as networks do."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import cast
from urllib.parse import urlsplit

HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}
PATIENCE = 20  # seconds that an answer is held at most


@dataclass
class Held:
    """An answer that the proxy holds: the site has sent it, and the browser has not received it."""

    arrived: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)


@dataclass
class Refusal:
    """An answer of the proxy in place of the site's; `retry_after` is in seconds."""

    status: int
    retry_after: int


LOST = object()
Fate = Held | Refusal | object | None


class Network(ThreadingHTTPServer):
    """The connection between browsers and a site. Each fate is that of one answer.

    `answers` has the path and the status of each answer, also of the lost ones.
    """

    daemon_threads = True

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.upstream = ""
        self.answers: list[tuple[str, int]] = []
        self._fates: list[tuple[str, Fate]] = []
        self._lock = threading.Lock()

    def drop(self, path: str, times: int = 1) -> None:
        """Let the next requests for this path reach the site, and lose the answers."""
        with self._lock:
            self._fates += [(path, LOST)] * times

    def hold(self, path: str) -> Held:
        """Hold the answer to the next request for this path until it is released."""
        held = Held()
        with self._lock:
            self._fates.append((path, held))
        return held

    def refuse(self, path: str, status: int, *, retry_after: int) -> None:
        """Answer the next request for this path with this status, and do not forward it."""
        with self._lock:
            self._fates.append((path, Refusal(status, retry_after)))

    def restore(self) -> None:
        """Deliver all answers."""
        with self._lock:
            self._fates.clear()

    def fate(self, path: str) -> Fate:
        """Return what happens to the answer to this request, and forget it."""
        with self._lock:
            for entry in self._fates:
                if entry[0] == path:
                    self._fates.remove(entry)
                    return entry[1]
        return None

    def statuses(self, path: str) -> list[int]:
        return [status for answered, status in self.answers if answered == path]


class Handler(BaseHTTPRequestHandler):
    def forward(self) -> None:
        network, path = cast("Network", self.server), urlsplit(self.path).path
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fate = None if self.command == "OPTIONS" else network.fate(path)
        if isinstance(fate, Refusal):
            network.answers.append((path, fate.status))
            self.refuse(fate)
            return
        site = HTTPConnection(urlsplit(network.upstream).netloc, timeout=PATIENCE)
        headers = {**dict(self.headers.items()), "Connection": "close"}
        site.request(self.command, self.path, body or None, headers)
        answer = site.getresponse()
        content = answer.read()
        site.close()
        if self.command != "OPTIONS":
            network.answers.append((path, answer.status))
        if isinstance(fate, Held):
            fate.arrived.set()
            fate.released.wait(PATIENCE)
        if fate is not LOST:
            self.deliver(answer, content)

    def deliver(self, answer: HTTPResponse, content: bytes) -> None:
        with suppress(ConnectionError):  # The browser has stopped waiting.
            self.send_response_only(answer.status, answer.reason)
            for name, value in answer.getheaders():
                if name.lower() not in HOP_BY_HOP:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    def refuse(self, refusal: Refusal) -> None:
        self.send_response_only(refusal.status)
        self.send_header("Retry-After", str(refusal.retry_after))
        self.send_header("Access-Control-Allow-Origin", self.headers["Origin"])
        self.send_header("Access-Control-Allow-Credentials", "true")
        self.send_header("Access-Control-Expose-Headers", "Retry-After")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Write nothing to the standard error output."""


for method in ("DELETE", "GET", "OPTIONS", "PATCH", "POST", "PUT"):
    setattr(Handler, f"do_{method}", Handler.forward)


@contextmanager
def lossy_network(port: int) -> Iterator[Network]:
    """Listen on this port of loopback, and forward to `upstream`, which is set later."""
    network = Network(port)
    threading.Thread(target=network.serve_forever, daemon=True).start()
    try:
        yield network
    finally:
        network.shutdown()
        network.server_close()
