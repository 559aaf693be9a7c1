"""The real site and services beside it, each a server of its own on loopback."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.clients.conftest import ROOT
from tests.conftest import PASSWORD
from tests.servers import free_port

STARTS_WITHIN = 60  # seconds, on a machine that has much else to do

USERS = f"""
import django
django.setup()
from django.contrib.auth.models import Group
from django.core.management import call_command
from accounts.models import User
call_command("migrate", verbosity=0)
for name in ("alice", "bob"):
    User.objects.create_user(name, f"{{name}}@example.org", {PASSWORD!r})
alice = User.objects.get(username="alice")
alice.groups.add(Group.objects.create(name="shipping"))
"""

MINT = """
import django
django.setup()
from accounts.models import User
from tokens.sessions import Device, open_session
print(open_session(User.objects.get(username="alice"), Device(label="phone")).access)
"""


@dataclass
class Server:
    """A process that serves HTTP at `url`."""

    url: str
    process: "subprocess.Popen[bytes]"
    environment: dict[str, str]

    def stop(self) -> None:
        """End it, and what it started; twice is no error."""
        self.process.terminate()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Site(Server):
    """Latchkey, with alice, who has the role `shipping`, and bob, who has none."""

    def login(self, username: str) -> dict[str, Any]:
        """Sign in and return the pair."""
        body = {"username": username, "password": PASSWORD}
        answer = httpx.post(f"{self.url}/api/auth/login/", json=body, timeout=30)
        assert answer.status_code == 200, answer.text
        pair: dict[str, Any] = answer.json()
        return pair

    def logout(self, pair: dict[str, Any]) -> None:
        body = {"refresh": pair["refresh"]}
        answer = httpx.post(f"{self.url}/api/auth/logout/", json=body, timeout=30)
        assert answer.status_code == 204, answer.text

    def token_of_alice(self, **changes: str) -> str:
        """Return an access token that the site's own code makes, set differently."""
        return run_program(MINT, {**self.environment, **changes}).strip()


def run_program(program: str, environment: dict[str, str]) -> str:
    """Run a program on the site's code, which must succeed, and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout


@contextmanager
def latchkey(state: Path, **changes: str) -> Iterator[Site]:
    """Serve the site as `make serve` does, on SQLite in that directory, until the block ends."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "project.settings",
        "DATABASE_URL": f"sqlite:///{state / 'site.sqlite3'}",
        "PUBLIC_URL": url,
        "PORT": str(port),
        "WORKERS": "1",
        "SNAPSHOT_INTERVAL": "1",
        "ADMIN_PASSWORD": PASSWORD,
        **changes,
    }
    run_program(USERS, environment)
    command = [sys.executable, "-m", "project.serve"]
    with serve(command, url, environment, log=state / "site.log", cwd=ROOT) as server:
        yield Site(server.url, server.process, environment)


@contextmanager
def orders(state: Path, installed: Path, issuer: str, **changes: str) -> Iterator[Server]:
    """Serve the example on the installed verifier until the block ends."""
    port = free_port()
    environment = {
        **{name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"},
        "PYTHONPATH": str(installed),
        "ISSUER": issuer,
        **changes,
    }
    options = ["--interface=asgi", "--factory", "--host=127.0.0.1", f"--port={port}"]
    command = [sys.executable, "-m", "granian", *options, "orders:from_environment"]
    log, home = state / f"orders-{port}.log", ROOT / "clients" / "examples" / "orders"
    with serve(command, f"http://127.0.0.1:{port}", environment, log=log, cwd=home) as server:
        yield server


@contextmanager
def serve(
    command: list[str], url: str, environment: dict[str, str], *, log: Path, cwd: Path
) -> Iterator[Server]:
    """Run a server until the block ends; what it says is in the log."""
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
    """Return once the server is alive."""
    deadline = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < deadline and server.process.poll() is None:
        try:
            if httpx.get(f"{server.url}/healthz", timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError(f"It did not start:\n{log.read_text()}")


def wait_until(holds: Callable[[], bool], *, seconds: float) -> None:
    """Return once it holds; fail if it takes longer. No clock of another process can be moved."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)
