"""The production server. It ends with its parent process, and its workers end with it."""

import logging
import os
import resource
import socket
import sys
import time
from contextlib import suppress
from threading import Thread
from typing import TYPE_CHECKING, Any

import structlog
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.common import AbstractServer

from project.serving.supervisor import SHUTDOWN_TIMEOUT, exit_with_parent
from project.web import logs

if TYPE_CHECKING:
    from project.serving.gateway import Gateway

CONNECTIONS = 4096  # that a worker keeps open at a time; further ones wait to be accepted
OTHER_FILES = 256  # that a worker needs beside its connections
HEADER_TIME = 10  # seconds in which the headers of a request have to arrive
MAX_HEADERS = 64 * 1024  # bytes of all headers of a request

log = structlog.stdlib.get_logger(logs.OPERATOR)


def bind_address() -> tuple[str, int]:
    """Return the IP address that HOST means, since granian resolves no names, and PORT."""
    try:
        found = socket.getaddrinfo(settings.HOST, settings.PORT, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise ImproperlyConfigured(
            f"HOST cannot be {settings.HOST!r}, which is no address of this machine: {error}."
        ) from error
    return str(found[0][4][0]), settings.PORT


def announce(host: str, port: int) -> None:
    """Log the site's URL as soon as the port accepts connections."""
    while True:
        with suppress(OSError), socket.create_connection((host, port), timeout=5):
            break
        time.sleep(0.1)
    url = settings.PUBLIC_URL
    log.info("listening", message=f"Latchkey is at {url}", url=url)


def limit_statements() -> None:
    """Have PostgreSQL give up on a statement of a request, as commands and migrations must not.

    PGOPTIONS is libpq's own; what the operator has put there stays.
    """
    os.environ.setdefault("PGOPTIONS", "-c statement_timeout=30s")


def server() -> AbstractServer[Any]:
    """Return the server as the environment wants it."""
    host, port = bind_address()
    return Granian(
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
    """Return how many connections a worker may keep open; raise the limit of open files for them.

    Without a free file granian would try again and again to accept a connection.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS + OTHER_FILES
    files = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
    if soft != resource.RLIM_INFINITY and soft < files:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    return max(1, files - OTHER_FILES)


def gateway() -> "Gateway":
    """Return what a worker of the server hands requests to."""
    logs.start()
    exit_with_parent(os.getppid())
    with logs.failures_logged():
        from project.serving.gateway import Gateway
        from project.serving.hashing import may_hash
        from project.wsgi import application as site

    return Gateway(site, settings.THREADS, may_hash())


def main() -> None:
    logs.start()
    from project.serving.listener import listen

    exit_with_parent(int(sys.argv[1]))
    limit_statements()
    Thread(target=announce, args=bind_address(), daemon=True).start()
    server().serve(spawn_target=listen)


if __name__ == "__main__":
    main()
