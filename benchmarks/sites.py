"""The sides as running servers: the same granian with as many workers and threads.

Latchkey is served as it ships, by its own worker of granian; the others by granian's for WSGI.
"""

import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from benchmarks.clients import Pair, Round, turn
from project.serving.supervisor import READY
from project.throttles import RATES
from tests.support.servers import free_port, serve

ROOT = Path(__file__).resolve().parents[1]
#: Opens PORT, as `make serve` does, and becomes the server, which ends with its parent process.
SERVER = """
import os, sys
from project.serving.serve import open_port
port = open_port(os.environ["HOST"], int(os.environ["PORT"]))
arguments = ["-m", "project.serving.server", str(os.getppid()), str(port)]
os.execv(sys.executable, [sys.executable, *arguments])
"""
#: Latchkey counts every try as shipped, but the few clients of a run are never over a limit.
THROTTLES = {f"THROTTLE_{name.upper()}": "1000000000 per day" for name in RATES}


@dataclass
class Site:
    """One side: its settings, its database, its sessions, and what its calls cost there."""

    name: str
    settings: str
    database_url: str
    state: Path
    checkout: Path = ROOT
    port: int = field(default_factory=free_port)
    pairs: list[Pair] = field(default_factory=list)
    counts: dict[str, dict[str, float]] = field(default_factory=dict)
    secret_key: str = field(default_factory=lambda: secrets.token_urlsafe(48))

    @property
    def environment(self) -> dict[str, str]:
        """What both sides are told; what the caller's environment says of a site is left out."""
        passed = ("PATH", "HOME", "LANG", "VIRTUAL_ENV", "SYSTEMROOT")
        return {name: os.environ[name] for name in passed if name in os.environ} | {
            "DJANGO_SETTINGS_MODULE": self.settings,
            "DATABASE_URL": self.database_url,
            "SECRET_KEY": self.secret_key,
            "SECRET_KEY_FALLBACKS": "",
            "DEBUG": "False",
            "PUBLIC_URL": f"http://127.0.0.1:{self.port}",
            **THROTTLES,
            "SESSIONS_PER_USER": "1000000",  # The few users of a run sign in again and again.
            "BENCH_PRIVATE_KEY": private_key(),
            "ACCESS_TOKEN_LIFETIME": "3600",  # as long as the run, however slow the machine
        }

    def prepare(self, users: int) -> None:
        """Fill the site's database and take its sessions."""
        command = [sys.executable, "-m", "benchmarks.prepare", str(users)]
        environment = {**self.environment, "LOG_LEVEL": "WARNING"}
        output = subprocess.run(
            command, cwd=self.checkout, env=environment, check=True, stdout=subprocess.PIPE
        )
        result = json.loads(output.stdout)
        self.counts = result["counts"]
        self.pairs = [Pair(**pair) for pair in result["pairs"]]

    def turn(
        self,
        crowds: ProcessPoolExecutor,
        operation: str,
        seconds: float,
        *,
        clients: int,
        interval: float = 0,
    ) -> Round:
        """Let the clients ask this side, as `clients.turn`. They keep what they were given."""
        asked = turn(
            crowds,
            port=self.port,
            operation=operation,
            pairs=self.pairs[:clients],
            seconds=seconds,
            interval=interval,
        )
        self.pairs[:clients] = asked.pairs
        return asked


@cache
def private_key() -> str:
    """Return the private key of the side that signs with RS256, in PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(*form, serialization.NoEncryption()).decode()


@contextmanager
def served_as_shipped(
    *,
    port: int,
    environment: dict[str, str],
    workers: int,
    threads: int,
    checkout: Path = ROOT,
) -> Iterator[None]:
    """Serve Latchkey as `make serve` does, without the mail worker, until the block ends."""
    options = {"HOST": "127.0.0.1", "PORT": port, "WORKERS": workers, "THREADS": threads}
    environment = {**environment, **{name: str(value) for name, value in options.items()}}
    signal.signal(READY, signal.SIG_IGN)  # The server sends it to its parent process.
    with run([sys.executable, "-c", SERVER], port, environment, checkout):
        yield


@contextmanager
def served(
    application: str, *, port: int, environment: dict[str, str], workers: int, threads: int
) -> Iterator[None]:
    """Serve the WSGI application with granian on loopback until the block ends."""
    options = {
        "interface": "wsgi",
        "host": "127.0.0.1",
        "port": port,
        "workers": workers,
        "blocking-threads": threads,
        "log-level": "warning",
    }
    arguments = [f"--{name}={value}" for name, value in options.items()]
    with run([sys.executable, "-m", "granian", *arguments, application], port, environment):
        yield


@contextmanager
def run(
    command: list[str], port: int, environment: dict[str, str], checkout: Path = ROOT
) -> Iterator[None]:
    """Run a server until the block ends. Its log is a file."""
    with tempfile.TemporaryDirectory() as directory:
        url, log = f"http://127.0.0.1:{port}", Path(directory) / "log"
        with serve(command, url, environment, log=log, cwd=checkout):
            yield
