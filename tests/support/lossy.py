"""A proxy in front of the site that loses some of the answers to refreshes."""

import http.client
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any
from urllib.parse import urlsplit

REFRESH = "/api/auth/refresh/"


@dataclass
class LossyProxy:
    """Forwards requests to `target`, and loses every `lose_every`th answer to a refresh.

    `on_rotation` is called with each new generation, before its answer is sent or lost.
    """

    target: str
    lose_every: int = 20
    on_rotation: Callable[[int], None] = lambda generation: None
    url: str = ""
    answers: int = 0
    lost: int = 0
    generation: int = 1
    statuses: list[int] = field(default_factory=list)
    lock: Any = field(default_factory=Lock)

    def forward(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("Content-Length", 0)))
        site = urlsplit(self.target)
        connection = http.client.HTTPConnection(site.hostname or "", site.port, timeout=60)
        headers = {**request.headers, "Host": site.netloc, "Connection": "close"}
        connection.request(request.command, request.path, body, headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        request.close_connection = True
        if request.path == REFRESH and self.is_lost(answer.status, content):
            return
        request.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("connection", "transfer-encoding", "content-length"):
                request.send_header(name, value)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)

    def is_lost(self, status: int, content: bytes) -> bool:
        """Count the answer, and return whether to lose it."""
        with self.lock:
            self.answers += 1
            self.statuses.append(status)
            generation = json.loads(content)["generation"] if status == 200 else 0
            if generation > self.generation:
                self.generation = generation
                self.on_rotation(generation)
            lost = self.answers % self.lose_every == 0
            self.lost += lost
            return lost


@contextmanager
def lossy_proxy(target: str, lose_every: int = 20) -> Iterator[LossyProxy]:
    """Run the proxy until the block ends."""
    proxy = LossyProxy(target, lose_every)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            proxy.forward(self)

        def do_POST(self) -> None:
            proxy.forward(self)

        def log_message(self, *arguments: Any) -> None:
            pass

        def handle(self) -> None:
            with suppress(ConnectionError):  # The client was killed.
                super().handle()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    proxy.url = f"http://127.0.0.1:{server.server_address[1]}"
    Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
