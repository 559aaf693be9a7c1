"""Serve a Site on loopback, with faults."""

import json
import socket
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any, cast

from latchkey_conformance.faults import Fault, Kind
from latchkey_conformance.site import Answer, Request, Site

HOLD_TIMEOUT = 60  # seconds; a held request continues then


class Server:
    """The site on a port of loopback. `stop` and `start` are a restart with the same port."""

    def __init__(self) -> None:
        self.port = 0
        self._faults: list[Fault] = []
        self._lock = Lock()
        self._connections: set[socket.socket] = set()
        self.start()
        self.site = Site(f"http://127.0.0.1:{self.port}")

    def start(self) -> None:
        """Accept connections. The first time, choose a port."""
        self._http = _Listener(self)
        self.port = self._http.server_address[1]
        Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self) -> None:
        """Refuse connections, and break those that exist."""
        self._http.shutdown()
        self._http.server_close()
        with self._lock:
            for connection in self._connections:
                close(connection)
            self._connections.clear()

    def close(self) -> None:
        """Stop, and let everything continue that waits for a fault."""
        with self._lock:
            for fault in self._faults:
                fault.reached.set()
                fault.release.set()
        self.stop()

    def add(self, fault: Fault) -> Fault:
        """Disturb the next requests with this fault, after those that were added before."""
        with self._lock:
            self._faults.append(fault)
        return fault

    def clear(self) -> None:
        """Remove all faults. Requests that wait continue."""
        with self._lock:
            for fault in self._faults:
                fault.times = 0
                fault.release.set()

    def next_fault(self, path: str) -> Fault | None:
        """Return the fault of a request to this path, which uses it up once, or None."""
        with self._lock:
            for fault in self._faults:
                if fault.path == path and fault.times > 0:
                    fault.times -= 1
                    fault.reached.set()
                    return fault
        return None

    def opened(self, connection: socket.socket) -> None:
        with self._lock:
            self._connections.add(connection)


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, owner: Server) -> None:
        self.owner = owner
        super().__init__(("127.0.0.1", owner.port), Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Write nothing about connections that a fault or a killed client has closed."""


class Handler(BaseHTTPRequestHandler):
    """Answers the requests of one connection."""

    protocol_version = "HTTP/1.1"
    timeout = 30

    def setup(self) -> None:
        super().setup()
        self.owner = cast("_Listener", self.server).owner
        self.owner.opened(self.connection)

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, self.path, headers, body, time.monotonic())
        self.owner.site.record(request)
        fault = self.owner.next_fault(self.path)
        if fault is None:
            self._send(self.owner.site.handle(request))
        else:
            self._disturb(request, fault)

    def _disturb(self, request: Request, fault: Fault) -> None:
        match fault.kind:
            case Kind.ANSWER:
                self._write(fault.status, dict(fault.headers), fault.body, fault.media_type)
            case Kind.HOLD_REQUEST:
                fault.release.wait(HOLD_TIMEOUT)
                self._send(self.owner.site.handle(request))
            case Kind.HOLD_ANSWER:
                answer = self.owner.site.handle(request)
                fault.release.wait(HOLD_TIMEOUT)
                self._send(answer)
            case Kind.CUT_ANSWER:
                self._send(self.owner.site.handle(request), cut=True)
                self._break()
            case Kind.LOSE_ANSWER:
                self.owner.site.handle(request)
                self.owner.site.skew += fault.passes
                self._break()
            case Kind.LOSE_REQUEST:
                self._break()

    def _break(self) -> None:
        self.close_connection = True
        close(self.connection)

    def _send(self, answer: Answer, *, cut: bool = False) -> None:
        body = b"" if answer.status == 204 else json.dumps(answer.body).encode()
        headers = {"Cache-Control": "no-store", **answer.headers}
        self._write(answer.status, headers, body, "application/json", cut=cut)

    def _write(
        self,
        status: int,
        headers: dict[str, str],
        body: bytes,
        media_type: str,
        *,
        cut: bool = False,
    ) -> None:
        with suppress(OSError):  # The client was killed.
            self.send_response(status)
            for name, value in {"Content-Type": media_type, **headers}.items():
                self.send_header(name, value)
            if status != 204:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if cut else body)
            self.wfile.flush()

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Return the Date header, by the site's clock."""
        return super().date_time_string(timestamp or self.owner.site.now())

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the base class names it)
        """Write nothing to the standard error output."""


def close(connection: socket.socket) -> None:
    """Close a connection so that the client notices it immediately."""
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
