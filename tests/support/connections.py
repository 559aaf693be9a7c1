"""Raw connections to a server that runs, for what no HTTP client would send."""

import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from urllib.parse import urlsplit

TIMEOUT = 30  # seconds


def connect(url: str) -> socket.socket:
    """Return a new connection to the server at this address."""
    parts = urlsplit(url)
    assert parts.hostname
    assert parts.port
    return socket.create_connection((parts.hostname, parts.port), timeout=TIMEOUT)


@contextmanager
def many(url: str, count: int, begin: bytes) -> Iterator[list[socket.socket]]:
    """Open that many connections, each with this sent, until the block ends."""
    allow_files(count + 500)
    with ExitStack() as stack:
        opened = [stack.enter_context(connect(url)) for _ in range(count)]
        for connection in opened:
            connection.sendall(begin)
        yield opened


def allow_files(count: int) -> None:
    """Raise this process's limit of open files to this count."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))


def request(target: str, *lines: str, method: str = "GET", host: str = "localhost") -> bytes:
    """Return the head of a request that ends its connection."""
    head = [f"{method} {target} HTTP/1.1", f"Host: {host}", "Connection: close", *lines]
    return "\r\n".join([*head, "", ""]).encode("latin-1")


def ask(url: str, content: bytes) -> tuple[int, bytes]:
    """Send these bytes and return the status and all that is answered; 0 if nothing is."""
    with connect(url) as connection:
        connection.sendall(content)
        return answered(connection)


def answered(connection: socket.socket) -> tuple[int, bytes]:
    """Return the status and all that comes until the server closes the connection."""
    content = b""
    try:
        while piece := connection.recv(65536):
            content += piece
    except ConnectionResetError:
        pass
    return (int(content.split(maxsplit=2)[1]) if content else 0), content
