"""The clients: each has one connection and one session, and sends requests without pause."""

import json
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from operator import itemgetter
from typing import Any

JSON, FORM = "application/json", "application/x-www-form-urlencoded"
#: The password of every user.
PASSWORD = "seven wet otters"
ALLAUTH_REFRESH = "/_allauth/app/v1/tokens/refresh"
PROCESSES = 2  # that the clients are spread over
RUNAWAY = 20_000  # requests of one client in one turn, at most
HEAD_START = 0.3  # seconds in which every client connects before all of them begin


@dataclass
class Pair:
    """What a client holds."""

    access: str
    refresh: str
    session: str = ""  # the key of a Django session, where the side has one
    secret: str = ""  # of a program that uses it as a key
    basic: str = ""  # the Basic credentials of a program, where the side has one
    basic_plain: str = ""  # the same of a program whose secret is stored without a password hash
    username: str = ""


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

    def ask(self, head: str, body: str = "", media: str = JSON) -> tuple[int, bytes]:
        """Send a request and return the status and the body of its answer."""
        fixed = f"Host: 127.0.0.1\r\nContent-Type: {media}\r\nContent-Length: {len(body)}"
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
        return self.ask(f"GET /api/who/ HTTP/1.1\r\nAuthorization: Bearer {token}")

    def refresh_at_allauth(self, token: str) -> tuple[int, bytes]:
        return self.ask(f"POST {ALLAUTH_REFRESH} HTTP/1.1", f'{{"refresh_token": "{token}"}}')

    def read_with_knox(self, token: str) -> tuple[int, bytes]:
        return self.ask(f"GET /api/who/ HTTP/1.1\r\nAuthorization: Token {token}")

    def read_account(self, token: str) -> tuple[int, bytes]:
        return self.ask(f"GET /api/account/me/ HTTP/1.1\r\nAuthorization: Bearer {token}")

    def sign_in(self, username: str) -> tuple[int, bytes]:
        body = json.dumps({"username": username, "password": PASSWORD})
        return self.ask("POST /api/auth/login/ HTTP/1.1", body)

    def read_by_session(self, key: str) -> tuple[int, bytes]:
        return self.ask(f"GET /api/who/session/ HTTP/1.1\r\nCookie: sessionid={key}")

    def client_credentials(self, basic: str) -> tuple[int, bytes]:
        head = f"POST /oauth/token HTTP/1.1\r\nAuthorization: Basic {basic}"
        return self.ask(head, "grant_type=client_credentials", FORM)

    def introspect(self, basic: str, token: str) -> tuple[int, bytes]:
        head = f"POST /oauth/introspect HTTP/1.1\r\nAuthorization: Basic {basic}"
        return self.ask(head, f"token={token}", FORM)

    def close(self) -> None:
        self.reader.close()
        self.socket.close()


#: The operations, by name: each sends one request, and returns the status and the body.
CALLS: dict[str, Callable[[Connection, Pair], tuple[int, bytes]]] = {
    "refresh": lambda it, pair: it.refresh(pair.refresh),
    "read": lambda it, pair: it.read(pair.access),
    "read by session": lambda it, pair: it.read_by_session(pair.session),
    "read with a key": lambda it, pair: it.read(pair.secret),
    "client credentials": lambda it, pair: it.client_credentials(pair.basic),
    "client credentials, plain": lambda it, pair: it.client_credentials(pair.basic_plain),
    "introspect": lambda it, pair: it.introspect(pair.basic, pair.access),
    "refresh at allauth": lambda it, pair: it.refresh_at_allauth(pair.refresh),
    "read with knox": lambda it, pair: it.read_with_knox(pair.access),
    "read the account": lambda it, pair: it.read_account(pair.access),
    "sign in": lambda it, pair: it.sign_in(pair.username),
    "answer by DRF": lambda it, pair: it.ask("GET /rest/ HTTP/1.1"),
    "one statement": lambda it, pair: it.ask(f"GET /statement/{pair.access}/ HTTP/1.1"),
}
#: The next refresh token in the body of an answer.
RENEWED: dict[str, Callable[[Any], str]] = {
    "refresh": itemgetter("refresh"),
    "refresh at allauth": lambda body: str(body["data"]["refresh_token"]),
}


def turn(
    workers: ProcessPoolExecutor,
    *,
    port: int,
    operation: str,
    pairs: list[Pair],
    seconds: float,
    interval: float = 0,
) -> Round:
    """Let the clients ask, spread over PROCESSES, until the time or RUNAWAY is up.

    With an interval in seconds, each client begins a request that often, if the last one is done.
    """
    begin = time.monotonic() + HEAD_START
    tasks = [
        workers.submit(
            crowd,
            port=port,
            operation=operation,
            pairs=pairs[n::PROCESSES],
            begin=begin,
            seconds=seconds,
            interval=interval,
        )
        for n in range(PROCESSES)
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
    *,
    port: int,
    operation: str,
    pairs: list[Pair],
    begin: float,
    seconds: float,
    interval: float,
) -> Round:
    """Run these clients, one thread for each. The caller starts this in a separate process."""
    spent = time.process_time()
    ready = threading.Barrier(len(pairs))

    def client(pair: Pair) -> list[float]:
        connection = Connection(port)
        ready.wait()
        time.sleep(max(0, begin - time.monotonic()))
        until = begin + seconds
        calls = asked(connection, operation, pair, until=until, interval=interval)
        latencies = [*calls]
        connection.close()
        return latencies

    with ThreadPoolExecutor(len(pairs)) as threads:
        latencies = [*chain.from_iterable(threads.map(client, pairs))]
    return Round(begin, time.monotonic(), latencies, time.process_time() - spent, pairs)


def asked(
    connection: Connection,
    operation: str,
    pair: Pair,
    *,
    until: float,
    interval: float,
) -> Iterator[float]:
    """Ask over and over, and yield how long each answer took, from the time it was due.

    A client that waits for a slow answer is late with the next request, and its users wait too.
    """
    due = time.monotonic() + random.random() * interval  # noqa: S311  (not a secret)
    for _ in range(RUNAWAY):
        started = due if interval else time.monotonic()
        if started >= until:
            return
        time.sleep(max(0, started - time.monotonic()))
        due += interval
        status, body = CALLS[operation](connection, pair)
        yield time.monotonic() - started
        if status != 200:
            raise RuntimeError(f"{operation} was answered {status}: {body[:200]!r}")
        if operation in RENEWED:
            pair.refresh = RENEWED[operation](json.loads(body))
