"""A worker of granian that hands requests to the gateway in granian's own threads.

granian offers ASGI to programs with an event loop. That needs two more switches between threads
per request, which would make a read a fifth slower. So this module uses undocumented classes of
granian, and pyproject.toml pins the release that it was written for.
"""

import os
import socket
from collections.abc import Callable
from signal import SIGINT, SIGTERM, signal
from threading import Event
from typing import Any, TypeVar, cast

from granian import _granian
from granian.server.mp import WorkerProcess

from project.serving.gateway import Gateway
from project.serving.supervisor import READY, RETIRE

F = TypeVar("F", bound=Callable[..., None])
# It sets up the process and loads the application.
prepared = cast("Callable[[F], F]", WorkerProcess.wrap_target)
ASGIWorker = cast("Any", _granian).ASGIWorker
CallbackScheduler = cast("Any", _granian).CallbackScheduler


class AtOnce:
    """Replaces the event loop: runs a callback in the thread that reports the event."""

    def call_soon(self, callback: Callable[[Any], None], event: Any, context: Any = None) -> None:
        callback(event)

    call_soon_threadsafe = call_soon


@prepared
def listen(worker_id: int, gateway: Gateway, sock: Any, ipc: Any, loop: Any, *options: Any) -> None:
    """Serve until the process receives a signal to stop, and finish the open requests.

    After RETIRE it accepts no new connections, and the answer to the next request of each open
    connection closes it.
    """
    _, threads, blocking_threads, _, idle_timeout, backpressure, *rest = options
    _, http, http1, http2, websockets, files, _, tls, _, metrics = rest
    worker = ASGIWorker(
        *(worker_id, sock, ipc, threads, blocking_threads),
        gateway.threads + 1,  # One thread is always free to accept new requests.
        *(idle_timeout, backpressure, http, http1, http2, websockets, files, *tls, metrics),
    )
    at_once, told, ended = AtOnce(), _granian.WorkerSignal(), Event()
    told.add_cb(ended.set)
    for number in (SIGINT, SIGTERM):
        signal(number, lambda number, frame: told.set())

    def retire(number: int, frame: object) -> None:
        stop_accepting(sock[1].get_fd())
        gateway.retired = True

    signal(RETIRE, retire)
    scheduler = CallbackScheduler(at_once, None, None, None, None)
    scheduler._schedule_fn = gateway.receive
    gateway.start()
    worker.serve_mtr(scheduler, at_once, told)
    os.kill(os.getppid(), READY)
    ended.wait()


def stop_accepting(listening: int) -> None:
    """Replace the listening socket of this process by another one on loopback that no client knows.

    Other processes keep the listening socket, so that no waiting connection is lost. granian alone
    cannot stop to accept connections without closing the idle ones.
    """
    with socket.create_server(("127.0.0.1", 0)) as unused:
        unused.setblocking(False)
        os.dup2(unused.fileno(), listening)
