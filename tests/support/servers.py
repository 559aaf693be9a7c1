"""Start and stop the servers that tests use."""

import random
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import httpx
import httpx._transports.default as transport
import pytest
import redis

# httpx reads the machine's certificates for each request, which takes longer than the request.
transport.create_ssl_context = cache(httpx.create_ssl_context)  # type: ignore[attr-defined]  # private

STARTS_WITHIN = 120  # seconds, on a busy machine


def free_port() -> int:
    """Return an unused port on loopback.

    It is below the range that the kernel assigns to connections. A port in that range could be
    taken before the server listens on it.
    """
    while True:
        port = random.randrange(10_000, 32_000)  # noqa: S311  (not a secret)
        with suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port


@dataclass
class Server:
    """A process that serves HTTP at `url`."""

    url: str
    process: "subprocess.Popen[bytes]"
    environment: dict[str, str]

    def stop(self) -> None:
        """Stop the process. It stops its own child processes. A second call has no effect."""
        self.process.terminate()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextmanager
def serve(
    command: list[str], url: str, environment: dict[str, str], *, log: Path, cwd: Path
) -> Iterator[Server]:
    """Run a server until the block ends, and write its output to `log`."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=cwd, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    server = Server(url, process, environment)
    try:
        wait_for(server, log)
        yield server
    finally:
        server.stop()


def wait_for(server: Server, log: Path) -> None:
    """Return when /healthz answers 200; raise AssertionError if the server does not start."""
    deadline = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < deadline and server.process.poll() is None:
        try:
            if httpx.get(f"{server.url}/healthz", timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError(f"It did not start:\n{log.read_text()}")


def runs(pid: int) -> bool:
    """Return whether the process runs. A zombie process does not run."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def wait_until(holds: Callable[[], bool], *, seconds: float) -> None:
    """Wait until `holds` returns true, at most `seconds` of real time.

    A test cannot move the clock of another process.
    """
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a Redis server for this run and return its URL."""
    server = shutil.which("redis-server")
    if server is None:
        pytest.skip("redis-server is not installed")
    port = free_port()
    directory = str(tmp_path_factory.mktemp("redis"))
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", directory]
    process = subprocess.Popen([server, *options], stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and not answers(port):
            time.sleep(0.05)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait(timeout=10)


def answers(port: int) -> bool:
    with redis.Redis(port=port) as client:
        try:
            return bool(client.ping())
        except redis.ConnectionError:
            return False


@pytest.fixture
def redis_url(redis_server: str) -> str:
    """Return the URL of an empty Redis."""
    with redis.Redis.from_url(redis_server) as client:
        client.flushdb()
    return redis_server
