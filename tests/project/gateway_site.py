"""A WSGI application behind the gateway, for behaviour that the site itself does not have.

`python -m tests.project.gateway_site <port> <threads>` serves it until it receives a signal.
"""

import signal
import sys
import time
from collections.abc import Iterator
from threading import Event
from typing import Any

from granian import Granian
from granian.constants import HTTPModes, Interfaces

from project.serving.gateway import Gateway
from project.serving.listener import listen
from project.serving.supervisor import READY
from project.web.refusal import REFUSAL

LOG: list[str] = []  # events, shown at /log
ASKED = Event()  # whether /healthz was asked, for which /waits waits


class Response(list[bytes]):
    """A response that is complete."""

    def close(self) -> None:
        LOG.append("closed")


class Pieces:
    """A response that is generated while it is sent. The path has the number of its parts."""

    streaming = True

    def __init__(self, count: int, size: int) -> None:
        self.count, self.size = count, size

    def __iter__(self) -> Iterator[bytes]:
        for _ in range(self.count):
            yield b"x" * self.size

    def close(self) -> None:
        LOG.append("closed")


def application(environ: dict[str, Any], start_response: Any) -> Any:
    if REFUSAL in environ:
        start_response("503 Service Unavailable", [])
        return Response([f"refused {environ.get('HTTP_X_REQUEST_ID')}".encode()])
    words = environ["PATH_INFO"].strip("/").split("/")
    status = {"empty": "204 No Content", "old": "304 Not Modified"}.get(words[0], "200 OK")
    headers = [("Content-Type", "text/plain"), ("X-Request-ID", "".join(words))]
    start_response(status, headers)
    match words:
        case ["pieces", count, size]:
            return Pieces(int(count), int(size))
        case ["fails"]:
            raise ZeroDivisionError
        case ["slow"]:
            time.sleep(2)
            return Response([b"done"])
        case ["forget"]:
            ASKED.clear()
        case ["waits"]:
            LOG.append("released" if ASKED.wait(10) else "not released")
        case ["healthz"]:
            ASKED.set()
        case ["log"]:
            return Response([" ".join(LOG).encode()])
        case ["echo"]:
            return Response([environ["wsgi.input"].read()])
    return Response()


def gateway() -> Gateway:
    return Gateway(application, int(sys.argv[2]), lambda method, path: path == "/slow")


def main() -> None:
    signal.signal(READY, signal.SIG_IGN)  # A worker sends it when it has started.
    Granian(
        "tests.project.gateway_site:gateway",
        factory=True,
        interface=Interfaces.ASGINL,
        port=int(sys.argv[1]),
        http=HTTPModes.http1,
        websockets=False,
        workers_kill_timeout=10,
    ).serve(spawn_target=listen)


if __name__ == "__main__":
    main()
