"""The clients: each keeps a connection and a session of its own, and asks without pause."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain

HEAD_START = 0.3  # seconds in which every client connects before all of them begin


@dataclass
class Pair:
    """What a client holds."""

    access: str
    refresh: str
    session: str = ""  # the key of a Django session, where the side has one


@dataclass
class Round:
    """What one turn of one side came to; times in seconds."""

    began: float
    ended: float
    latencies: list[float]
    cpu: float  # of the clients
    pairs: list[Pair]

    @property
    def seconds(self) -> float:
        return self.ended - self.began

    @property
    def rate(self) -> float:
        """Requests a second."""
        return len(self.latencies) / self.seconds


class Connection:
    """HTTP/1.1 on one kept connection.

    Leaner than `http.client`: clients and server share the machine, and what the clients burn would
    be taken from the faster side.
    """

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reader = self.socket.makefile("rb")

    def ask(self, head: str, body: str = "") -> tuple[int, bytes]:
        """Send a request and return the status and the body of its answer."""
        fixed = f"Host: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
        self.socket.sendall(f"{head}\r\n{fixed}\r\n\r\n{body}".encode())
        status, length = int(self.reader.readline().split()[1]), 0
        while line := self.reader.readline().strip():
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        return status, self.reader.read(length)

    def refresh(self, token: str) -> tuple[int, bytes]:
        return self.ask("POST /api/auth/refresh/ HTTP/1.1", f'{{"refresh": "{token}"}}')

    def read(self, token: str) -> tuple[int, bytes]:
        return self.ask(f"GET /who/ HTTP/1.1\r\nAuthorization: Bearer {token}")

    def read_by_session(self, key: str) -> tuple[int, bytes]:
        return self.ask(f"GET /who/session/ HTTP/1.1\r\nCookie: sessionid={key}")

    def close(self) -> None:
        self.reader.close()
        self.socket.close()


def turn(
    workers: ProcessPoolExecutor,
    shares: int,
    *,
    port: int,
    operation: str,
    pairs: list[Pair],
    seconds: float,
    limit: int,
) -> Round:
    """Let the clients ask, spread over that many processes, until the time or the count is up."""
    begin = time.monotonic() + HEAD_START
    tasks = [
        workers.submit(
            crowd,
            port=port,
            operation=operation,
            pairs=pairs[n::shares],
            begin=begin,
            seconds=seconds,
            limit=limit,
        )
        for n in range(shares)
    ]
    rounds = [task.result() for task in tasks]
    return Round(
        began=begin,
        ended=max(part.ended for part in rounds),
        latencies=[*chain.from_iterable(part.latencies for part in rounds)],
        cpu=sum(part.cpu for part in rounds),
        pairs=[*chain.from_iterable(part.pairs for part in rounds)],
    )


def crowd(
    *, port: int, operation: str, pairs: list[Pair], begin: float, seconds: float, limit: int
) -> Round:
    """Let these clients ask, a thread each; runs in a process of its own."""
    spent = time.process_time()
    ready = threading.Barrier(len(pairs))

    def client(pair: Pair) -> list[float]:
        connection = Connection(port)
        ready.wait()
        time.sleep(max(0, begin - time.monotonic()))
        latencies = list(asked(connection, operation, pair, begin + seconds, limit))
        connection.close()
        return latencies

    with ThreadPoolExecutor(len(pairs)) as threads:
        latencies = [*chain.from_iterable(threads.map(client, pairs))]
    return Round(begin, time.monotonic(), latencies, time.process_time() - spent, pairs)


def asked(
    connection: Connection, operation: str, pair: Pair, until: float, limit: int
) -> Iterator[float]:
    """Ask over and over, and yield how long each answer took."""
    for _ in range(limit):
        started = time.monotonic()
        if started >= until:
            return
        match operation:
            case "refresh":
                status, body = connection.refresh(pair.refresh)
            case "read":
                status, body = connection.read(pair.access)
            case _:
                status, body = connection.read_by_session(pair.session)
        yield time.monotonic() - started
        if status != 200:
            raise RuntimeError(f"{operation} was answered {status}: {body[:200]!r}")
        if operation == "refresh":
            pair.refresh = json.loads(body)["refresh"]
