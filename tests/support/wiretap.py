"""A proxy that notes each request and answer, with another clock than the comparison."""

import select
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Passed:
    """A request as it was on the socket, the status of its answer, and when that came."""

    request: bytes
    status: int
    at: float  # of `time.time`

    @property
    def line(self) -> str:
        return self.request.split(b"\r\n")[0].decode()


@dataclass
class Wiretap:
    """The port of the proxy, and its notes."""

    port: int
    passed: list[Passed] = field(default_factory=list)


@contextmanager
def wiretap(upstream: int) -> Iterator[Wiretap]:
    """Forward connections to this port of loopback until the block ends."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as server:
        tap = Wiretap(server.getsockname()[1])
        threading.Thread(target=accept, args=(server, upstream, tap), daemon=True).start()
        yield tap


def accept(server: socket.socket, upstream: int, tap: Wiretap) -> None:
    while True:
        try:
            client, _ = server.accept()
            site = socket.create_connection(("127.0.0.1", upstream))
        except ConnectionRefusedError:
            client.close()  # The process behind has ended.
            continue
        except OSError:
            return
        threading.Thread(target=forward, args=(client, site, tap), daemon=True).start()


def forward(client: socket.socket, site: socket.socket, tap: Wiretap) -> None:
    """Forward both directions. The client sends no request before the last answer has begun."""
    for end in (client, site):
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    request = b""
    with client, site:
        while True:
            ready = select.select([client, site], [], [])[0]
            for end in ready:
                try:
                    data = end.recv(65536)
                except ConnectionResetError:
                    data = b""
                if not data:
                    return
                if end is client:
                    request += data
                    site.sendall(data)
                    continue
                if request:
                    tap.passed.append(Passed(request, int(data.split(b" ", 2)[1]), time.time()))
                    request = b""
                client.sendall(data)
