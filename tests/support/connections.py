"""Raw connections to a running server, to send bytes that no HTTP client would send."""

import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from urllib.parse import urlsplit

TIMEOUT = 30  # seconds


def connect(url: str) -> socket.socket:
    """Return a new connection to the server at this URL."""
    parts = urlsplit(url)
    assert parts.hostname
    assert parts.port
    return socket.create_connection((parts.hostname, parts.port), timeout=TIMEOUT)


@contextmanager
def many(url: str, count: int, begin: bytes) -> Iterator[list[socket.socket]]:
    """Open this many connections and send `begin` on each. They stay open until the block ends."""
    allow_files(count + 500)
    with ExitStack() as stack:
        opened = [stack.enter_context(connect(url)) for _ in range(count)]
        for connection in opened:
            connection.sendall(begin)
        yield opened


def allow_files(count: int) -> None:
    """Raise this process's limit of open files to at least `count`."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))


def request(target: str, *lines: str, method: str = "GET", host: str = "localhost") -> bytes:
    """Return the head of a request with `Connection: close`."""
    head = [f"{method} {target} HTTP/1.1", f"Host: {host}", "Connection: close", *lines]
    return "\r\n".join([*head, "", ""]).encode("latin-1")


def ask(url: str, content: bytes) -> tuple[int, bytes]:
    """Send these bytes; return the status and the whole answer, or 0 and b"" without an answer."""
    with connect(url) as connection:
        connection.sendall(content)
        return answered(connection)


def answered(connection: socket.socket) -> tuple[int, bytes]:
    """Read until the server closes the connection. Return the status and all bytes."""
    content = b""
    try:
        while piece := connection.recv(65536):
            content += piece
    except ConnectionResetError:
        pass
    return (int(content.split(maxsplit=2)[1]) if content else 0), content
