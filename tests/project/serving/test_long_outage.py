"""The site recovers quickly after a database outage that is longer than every timeout."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread

import httpx
import pytest
from django.db import connection

from accounts.models import User
from tests.support.servers import free_port
from tests.support.site import latchkey
from tests.tokens.sessions.test_processes import database_url

AWAY = 75  # seconds; a pool whose pauses double would then sleep for as long


class Forwarder:
    """A proxy from `port` to the database. While it is `closed`, it refuses connections."""

    def __init__(self) -> None:
        settings = connection.settings_dict
        self.database = settings["HOST"] or "127.0.0.1", int(settings["PORT"] or 5432)
        self.port = free_port()
        self._listen()

    def _listen(self) -> None:
        self.sockets = [socket.create_server(("127.0.0.1", self.port))]
        Thread(target=self._accept, args=self.sockets).start()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):  # The proxy was closed.
            while True:
                ends = listener.accept()[0], socket.create_connection(self.database)
                self.sockets += ends
                for source, sink in (ends, ends[::-1]):
                    Thread(target=forward, args=(source, sink)).start()

    def close(self) -> None:
        for each in self.sockets:
            hang_up(each)
            each.close()

    @contextmanager
    def closed(self) -> Iterator[None]:
        self.close()
        yield
        self._listen()


def forward(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):  # One side has disconnected.
        while data := source.recv(65536):
            sink.sendall(data)
    hang_up(source)
    hang_up(sink)


def hang_up(end: socket.socket) -> None:
    with suppress(OSError):  # The other thread was first.
        end.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def forwarder() -> Iterator[Forwarder]:
    forwarder = Forwarder()
    yield forwarder
    forwarder.close()


@pytest.mark.soak
@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="a database that is a server")
def test_after_a_long_outage_the_site_recovers_in_three_seconds(
    alice: User, forwarder: Forwarder, tmp_path: Path
) -> None:
    """Guards that no pause between two attempts to connect becomes longer during the outage."""
    url = database_url().replace(f":{connection.settings_dict['PORT']}/", f":{forwarder.port}/")
    with latchkey(tmp_path, DATABASE_URL=url) as site:
        bearer = {"Authorization": f"Bearer {site.login('alice')['access']}"}

        def read() -> int:
            answer = httpx.get(f"{site.url}/api/example/", headers=bearer, timeout=30)
            return answer.status_code

        assert read() == 200
        with forwarder.closed():
            until = time.monotonic() + AWAY
            time.sleep(1)  # until the snapshot of the process is too old
            while time.monotonic() < until:
                assert read() == 503
                assert httpx.get(f"{site.url}/healthz", timeout=1).status_code == 200
                time.sleep(1)
        back = time.monotonic()
        while read() != 200:
            assert time.monotonic() < back + 3
        print(f"served again after {time.monotonic() - back:.2f} s")  # noqa: T201  (pytest -rP)
