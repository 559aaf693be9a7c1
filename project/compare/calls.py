"""Call the site in this process, or over a socket, and count what a call costs."""

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.client import HTTPConnection
from http.cookies import SimpleCookie
from io import BytesIO
from typing import Any, ParamSpec, TypeVar
from urllib.parse import urlsplit

from django.conf import settings
from django.core.servers.basehttp import get_internal_wsgi_application
from django.db import connection, connections
from django.urls import reverse

from project.compare.caller import MEASURED
from project.compare.second import RUN, RUN_HEADER

P = ParamSpec("P")
R = TypeVar("R")
TIMEOUT = 20  # seconds in which the second process must answer


@dataclass(frozen=True)
class Request:
    """A request to the site, without the headers that every request has."""

    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    method: str = "GET"
    body: bytes = b""

    @property
    def all_headers(self) -> dict[str, str]:
        """The headers that are sent: the fewest that the request needs."""
        length = {"Content-Length": str(len(self.body))} if self.method != "GET" else {}
        return {"Host": urlsplit(settings.PUBLIC_URL).netloc, **self.headers, **length}


@dataclass(frozen=True)
class Answer:
    """An answer of the site. `sent` is the size of its request in bytes, if it was on a socket."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    sent: int = 0

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def status_line(self) -> str:
        """The status as HTTP writes it, without the version, as "409 Conflict"."""
        return f"{self.status} {HTTPStatus(self.status).phrase}"

    @property
    def cookies(self) -> SimpleCookie:
        """The cookies that the answer sets."""
        cookies = SimpleCookie()
        for name, value in self.headers:
            if name.lower() == "set-cookie":
                cookies.load(value)
        return cookies


#: A process of the site: it answers requests.
Site = Callable[[Request], Answer]


def refresh_request(token: str, *, retry_key: str = "") -> Request:
    """Return the request that refreshes this token, with this Idempotency-Key if it has one."""
    headers = {"Content-Type": "application/json"}
    if retry_key:
        headers["Idempotency-Key"] = retry_key
    return Request(reverse("refresh"), headers, "POST", json.dumps({"refresh": token}).encode())


def call_here(request: Request, *, ip_address: str = "127.0.0.1") -> Answer:
    """Call the WSGI application in this process, as if this IP address had sent the request.

    The call has everything that other calls have, but no network. It uses the database connection
    of this thread, which must have no other request.
    """
    parts = urlsplit(settings.PUBLIC_URL)
    started: list[Any] = []
    environ = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": request.path,
        "QUERY_STRING": "",
        "SERVER_NAME": parts.hostname,
        "SERVER_PORT": str(parts.port or 80),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": ip_address,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(request.body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        **marks(),
        **{variable(name): value for name, value in request.all_headers.items()},
    }
    site: Any = get_internal_wsgi_application()
    response = site(environ, lambda status, headers: started.append((status, headers)))
    try:
        body = b"".join(response)
    finally:
        response.close()
    status, headers = started[-1]
    return Answer(int(status[:3]), tuple(headers), body)


def marks() -> dict[str, Any]:
    """Return what the environ of each measured request has, also the header of a proxy."""
    forwarded = {"HTTP_X_FORWARDED_PROTO": "https"} if settings.SECURE else {}
    return {MEASURED: True, **forwarded}


def variable(header: str) -> str:
    """Return the name that a header has in the environ (RFC 3875, section 4.1.18)."""
    name = header.upper().replace("-", "_")
    return name if name in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{name}"


class CountedConnection(HTTPConnection):
    """A connection that counts the bytes that are written to its socket."""

    sent = 0

    def send(self, data: Any) -> None:
        self.sent += len(data)
        super().send(data)


class Socket:
    """Calls the site at this port of loopback, on one connection. Each thread needs its own."""

    def __init__(self, port: int) -> None:
        self.connection = CountedConnection("127.0.0.1", port, timeout=TIMEOUT)

    def __call__(self, request: Request) -> Answer:
        """Return the answer, or raise OSError if the process does not run."""
        connection, before = self.connection, self.connection.sent
        connection.putrequest(
            request.method, request.path, skip_host=True, skip_accept_encoding=True
        )
        for name, value in request.all_headers.items():
            connection.putheader(name, value)
        connection.putheader(RUN_HEADER, RUN)  # Its bytes are not those of the request.
        connection.endheaders(request.body or None)
        response = connection.getresponse()
        body = response.read()
        sent = connection.sent - before - len(f"{RUN_HEADER}: {RUN}\r\n")
        return Answer(response.status, tuple(response.getheaders()), body, sent)

    def close(self) -> None:
        self.connection.close()


def count_queries(function: Callable[[], object]) -> int:
    """Return how many statements the function executes on this thread's connection."""
    statements = []

    def note(execute: Callable[..., R], sql: str, *args: Any) -> R:
        statements.append(sql)
        return execute(sql, *args)

    with connection.execute_wrapper(note):
        function()
    return len(statements)


def in_own_thread(function: Callable[P, R]) -> Callable[P, R]:
    """Return the function. It also closes the database connections of its thread."""

    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        finally:
            connections.close_all()

    return run
