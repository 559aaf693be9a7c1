"""The two sides as running servers: the same granian with as many workers and threads.

Latchkey is served as it ships, by its own worker of granian; the other side by granian's for WSGI.
"""

import json
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.clients import Pair
from tests.support.servers import free_port, serve

ROOT = Path(__file__).resolve().parents[1]


@dataclass
class Site:
    """One side: its settings, its database, its sessions, and what a refresh costs there."""

    name: str
    settings: str
    database_url: str
    state: Path
    port: int = field(default_factory=free_port)
    pairs: list[Pair] = field(default_factory=list)
    counts: dict[str, float] = field(default_factory=dict)
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
            "LOG_LEVEL": "WARNING",
            "THROTTLES": "off",  # stock has none
            "ACCESS_TOKEN_LIFETIME": "3600",  # as long as the run, however slow the machine
        }

    def prepare(self, users: int) -> None:
        """Fill the site's database and take its sessions."""
        command = [sys.executable, "-m", "benchmarks.prepare", str(users)]
        output = subprocess.run(command, env=self.environment, check=True, stdout=subprocess.PIPE)
        result = json.loads(output.stdout)
        self.counts = result["counts"]
        self.pairs = [Pair(**pair) for pair in result["pairs"]]


@contextmanager
def served_as_shipped(
    *, port: int, environment: dict[str, str], workers: int, threads: int
) -> Iterator[None]:
    """Serve Latchkey as `make serve` does, without the mail worker, until the block ends."""
    options = {"HOST": "127.0.0.1", "PORT": port, "WORKERS": workers, "THREADS": threads}
    environment = {**environment, **{name: str(value) for name, value in options.items()}}
    # The server ends with the process whose number it is given.
    command = [sys.executable, "-m", "project.serving.server", str(os.getpid())]
    with run(command, port, environment):
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
def run(command: list[str], port: int, environment: dict[str, str]) -> Iterator[None]:
    """Run a server until the block ends."""
    with tempfile.TemporaryDirectory() as directory:
        url, log = f"http://127.0.0.1:{port}", Path(directory) / "log"
        with serve(command, url, environment, log=log, cwd=ROOT):
            yield
