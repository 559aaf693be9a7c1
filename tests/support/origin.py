"""Another origin on another port: an app of the same site, or an attacker's page."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TYPES = {"html": "text/html", "js": "text/javascript"}


@contextmanager
def origin(host: str, port: int, files: Mapping[str, str]) -> Iterator[str]:
    """Serve these files by name, and yield the URL of the origin. The page has the name ""."""

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
            """Write nothing to the standard error output."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://{host}:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
