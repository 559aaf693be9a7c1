"""The production server. It ends with its parent process, and its workers end with it.

The parent process opens the listening socket and keeps it open. So the next server can take over
from this one, and no connection is refused or lost.
"""

import logging
import multiprocessing
import os
import resource
import signal
import socket
import sys
from threading import Timer
from typing import TYPE_CHECKING, Any, cast

import structlog
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from granian import _granian
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.mp import MPServer

from project.serving.supervisor import READY, RETIRE, SHUTDOWN_TIMEOUT, exit_with_parent
from project.web import logs

if TYPE_CHECKING:
    from project.serving.gateway import Gateway

CONNECTIONS = 4096  # open connections per worker; further connections wait
OTHER_FILES = 256  # files that a worker needs in addition to its connections
HEADER_TIME = 10  # seconds in which the headers of a request must arrive
MAX_HEADERS = 64 * 1024  # bytes of all headers of a request
#: The seconds in which a request arrives completely on a connection that is open already.
RETIREMENT = HEADER_TIME + 20

log = structlog.stdlib.get_logger(logs.OPERATOR)


def bind_address() -> tuple[str, int]:
    """Return the IP address of HOST, because granian resolves no names, and PORT."""
    try:
        found = socket.getaddrinfo(settings.HOST, settings.PORT, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise ImproperlyConfigured(
            f"HOST cannot be {settings.HOST!r}, which is not an address of this machine: {error}."
        ) from error
    return str(found[0][4][0]), settings.PORT


def announce(number: int, frame: object) -> None:
    """Log the site's URL and tell the supervisor, when the first worker has loaded the site."""
    signal.signal(READY, signal.SIG_IGN)
    url = settings.PUBLIC_URL
    log.info("listening", message=f"Latchkey is at {url}", url=url)
    os.kill(os.getppid(), READY)


def retire(number: int, frame: object) -> None:
    """Stop as soon as the workers, which received the same signal, have no more requests."""
    timer = Timer(RETIREMENT, os.kill, (os.getpid(), signal.SIGTERM))
    timer.daemon = True  # It does not keep a process that is told to stop before.
    timer.start()


def limit_statements() -> None:
    """Make PostgreSQL cancel long statements of requests, but not those of commands or migrations.

    PGOPTIONS is a variable of libpq. The operator's own options stay.
    """
    os.environ.setdefault("PGOPTIONS", "-c statement_timeout=30s")


class Server(MPServer):
    """granian, for a listening socket that is open already."""

    listening = -1  # the socket

    def _init_shared_socket(self) -> None:
        backlog = () if sys.platform == "darwin" else (CONNECTIONS,)
        self._shd = cast("Any", _granian).SocketHolder(self.listening, False, *backlog)
        self._sso = None


def server() -> Server:
    """Return the server, configured by the settings."""
    host, port = bind_address()
    return Server(
        "project.serving.server:gateway",
        factory=True,
        interface=Interfaces.ASGINL,
        address=host,
        port=port,
        workers=settings.WORKERS,
        respawn_failed_workers=True,
        blocking_threads_idle_timeout=600,  # A thread keeps its connection to the database.
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(
            header_read_timeout=HEADER_TIME * 1000, max_buffer_size=MAX_HEADERS
        ),
        backlog=CONNECTIONS,
        backpressure=connections(),
        websockets=False,
        workers_kill_timeout=SHUTDOWN_TIMEOUT - 5,
        log_dictconfig=logs.of_granian(),
        log_level=LogLevels(logging.getLevelName(logging.getLogger().level).lower()),
    )


def connections() -> int:
    """Raise the limit of open files, and return how many connections a worker may keep open.

    Without a free file, granian would try to accept a connection again and again.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS + OTHER_FILES
    files = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
    if soft != resource.RLIM_INFINITY and soft < files:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    return max(1, files - OTHER_FILES)


def gateway() -> "Gateway":
    """Return the gateway that a worker of the server passes requests to."""
    logs.start()
    exit_with_parent(os.getppid())
    with logs.failures_logged():
        from project.connections import limit_waiting
        from project.serving.gateway import Gateway
        from project.serving.hashing import may_hash
        from project.wsgi import application as site

        limit_waiting()
        gateway = Gateway(site, settings.THREADS, may_hash())
        from project.metrics import state  # after the applications are loaded

        state.count_waiting = gateway.lanes.count_waiting
    return gateway


def main() -> None:
    """Serve the listening socket with this number. The other argument is the parent process."""
    logs.start()
    from project.serving.listener import listen

    exit_with_parent(int(sys.argv[1]))
    limit_statements()
    signal.signal(READY, announce)
    signal.signal(RETIRE, retire)
    multiprocessing.set_start_method("fork")  # The workers inherit the socket.
    site = server()
    site.listening = int(sys.argv[2])
    site.serve(spawn_target=listen)


if __name__ == "__main__":
    main()
