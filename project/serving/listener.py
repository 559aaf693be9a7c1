"""A worker of granian that hands requests to the gateway in granian's own threads.

granian offers ASGI to programs with an event loop. Two more changes of threads a request would cost
a read a fifth of its time. So this module uses classes that granian does not document,
and pyproject.toml names the one release that it was written for.
"""

from collections.abc import Callable
from signal import SIGINT, SIGTERM, signal
from threading import Event
from typing import Any, TypeVar, cast

from granian import _granian
from granian.server.mp import WorkerProcess

from project.serving.gateway import Gateway

F = TypeVar("F", bound=Callable[..., None])
# It sets up the process and loads the application.
prepared = cast("Callable[[F], F]", WorkerProcess.wrap_target)
ASGIWorker = cast("Any", _granian).ASGIWorker
CallbackScheduler = cast("Any", _granian).CallbackScheduler


class AtOnce:
    """Stands in for an event loop: runs a callback in the thread that reports the event."""

    def call_soon(self, callback: Callable[[Any], None], event: Any, context: Any = None) -> None:
        callback(event)

    call_soon_threadsafe = call_soon


@prepared
def listen(worker_id: int, gateway: Gateway, sock: Any, ipc: Any, loop: Any, *options: Any) -> None:
    """Serve until the process receives a signal to end; answer the open requests before."""
    _, threads, blocking_threads, _, idle_timeout, backpressure, *rest = options
    _, http, http1, http2, websockets, files, _, tls, _, metrics = rest
    worker = ASGIWorker(
        *(worker_id, sock, ipc, threads, blocking_threads),
        gateway.threads + 1,  # One is always free to take what arrives.
        *(idle_timeout, backpressure, http, http1, http2, websockets, files, *tls, metrics),
    )
    at_once, told, ended = AtOnce(), _granian.WorkerSignal(), Event()
    told.add_cb(ended.set)
    for number in (SIGINT, SIGTERM):
        signal(number, lambda number, frame: told.set())
    scheduler = CallbackScheduler(at_once, None, None, None, None)
    scheduler._schedule_fn = gateway.receive
    gateway.start()
    worker.serve_mtr(scheduler, at_once, told)
    ended.wait()
