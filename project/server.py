"""The production server. It ends with whoever started it, and its workers end with it."""

import logging
import os
import socket
import sys
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.wsgi import WSGIHandler
from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server.common import AbstractServer

from project import logs
from project.supervisor import GRACE, end_with


def address() -> tuple[str, int]:
    """Return the IP address that HOST means, since granian resolves no names, and PORT."""
    try:
        found = socket.getaddrinfo(settings.HOST, settings.PORT, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise ImproperlyConfigured(
            f"HOST cannot be {settings.HOST!r}, which is no address of this machine: {error}."
        ) from error
    return str(found[0][4][0]), settings.PORT


def limit_statements() -> None:
    """Have PostgreSQL give up on a statement of a request, as commands and migrations must not.

    PGOPTIONS is libpq's own; what the operator has put there stays.
    """
    os.environ.setdefault("PGOPTIONS", "-c statement_timeout=30s")


def server() -> AbstractServer[Any]:
    """Return the server as the environment wants it."""
    host, port = address()
    return Granian(
        "project.server:application",
        factory=True,
        interface=Interfaces.WSGI,
        address=host,
        port=port,
        workers=settings.WORKERS,
        blocking_threads=settings.THREADS,
        websockets=False,
        workers_kill_timeout=GRACE - 5,
        log_dictconfig=logs.of_granian(),
        log_level=LogLevels(logging.getLevelName(logging.getLogger().level).lower()),
    )


def application() -> WSGIHandler:
    """Return the site, for a worker of the server to serve."""
    logs.start()
    end_with(os.getppid())
    with logs.failures_logged():
        from project.wsgi import application as site

    return site


if __name__ == "__main__":
    logs.start()
    end_with(int(sys.argv[1]))
    limit_statements()
    server().serve()
