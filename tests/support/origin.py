"""Another origin, on another port: an app of the same site, or a page that means harm."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TYPES = {"html": "text/html", "js": "text/javascript"}


@contextmanager
def origin(host: str, port: int, files: Mapping[str, str]) -> Iterator[str]:
    """Serve these files, of which "" is the page, and yield the address of the origin."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.lstrip("/")
            content = files.get(name)
            self.send_response(404 if content is None else 200)
            kind = TYPES.get(name.rpartition(".")[2], "text/html")
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.end_headers()
            self.wfile.write((content or "").encode())

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://{host}:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
