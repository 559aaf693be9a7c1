"""The worker beside the server: it sends what is queued, and ends with the server, however."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from email import message_from_bytes
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from accounts.mail import Mail, queue
from accounts.models import User
from project.serve import worker_command

pytestmark = pytest.mark.django_db(transaction=True)

SERVER = """
import subprocess, sys, time
from project.serve import worker_command
print(subprocess.Popen(worker_command()).pid, flush=True)
time.sleep(60)
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """Start what becomes a server: a process with a worker, on the database of the tests."""
    database = connection.settings_dict
    if connection.vendor == "sqlite":
        url = f"sqlite:///{database['NAME']}"
    else:
        where = f"{database['HOST']}:{database['PORT']}"
        url = f"postgres://{database['USER']}:{database['PASSWORD']}@{where}/{database['NAME']}"
    outbox = f"filemail://localhost/{tmp_path}"
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER],
        cwd=settings.BASE_DIR,
        env={**os.environ, "DATABASE_URL": url, "EMAIL_URL": outbox},
        stdout=subprocess.PIPE,
        text=True,
    )
    yield process
    process.kill()
    process.communicate()


def worker_of(server: "subprocess.Popen[str]") -> int:
    assert server.stdout is not None
    return int(server.stdout.readline())


def runs(pid: int) -> bool:
    """Return whether the process runs; one that has ended and is not reaped yet does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def comes_true(condition: Callable[[], bool], seconds: float = 30) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def test_what_a_request_queued_is_sent_by_another_process(
    alice: User, server: "subprocess.Popen[str]", tmp_path: Path
) -> None:
    worker_of(server)
    queue(Mail.PASSWORD_RESET, address=alice.email)
    assert comes_true(lambda: any(file.stat().st_size for file in tmp_path.iterdir()))
    (file,) = tmp_path.iterdir()
    message = message_from_bytes(file.read_bytes())
    assert (message["To"], message["Subject"]) == (alice.email, "Choose a new password")


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_the_worker_does_not_outlive_the_server(
    server: "subprocess.Popen[str]", how: signal.Signals
) -> None:
    worker = worker_of(server)
    assert runs(worker)
    server.send_signal(how)
    server.wait()
    assert comes_true(lambda: not runs(worker))


def test_a_worker_whose_server_is_gone_before_it_looks_ends_too() -> None:
    *command, _ = worker_command()
    orphan = subprocess.Popen([*command, "1"], cwd=settings.BASE_DIR)
    assert orphan.wait(timeout=30) in (0, -signal.SIGTERM)
