"""The mail worker sends queued mails, and stops when its parent process stops."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from accounts.mail.letters import Mail
from accounts.mail.queue import queue
from accounts.models import User
from tests.project.conftest import comes_true
from tests.support.servers import runs
from tests.tokens.sessions.test_processes import database_url

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

PARENT = """
import os, time
from project.serving.supervisor import start
print(start("project.serving.worker", {**os.environ}).pid, flush=True)
time.sleep(60)
"""


@pytest.fixture
def parent(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """Start a process with a worker, on the database of the tests."""
    outbox = f"filemail://localhost/{tmp_path}"
    process = subprocess.Popen(
        [sys.executable, "-c", PARENT],
        cwd=settings.BASE_DIR,
        env={**os.environ, "DATABASE_URL": database_url(), "EMAIL_URL": outbox},
        stdout=subprocess.PIPE,
        text=True,
    )
    yield process
    process.kill()
    process.communicate()


def worker_of(parent: "subprocess.Popen[str]") -> int:
    assert parent.stdout is not None
    return int(parent.stdout.readline())


def test_queued_mail_is_sent_by_another_process(
    alice: User, parent: "subprocess.Popen[str]", tmp_path: Path
) -> None:
    worker_of(parent)
    queue(Mail.PASSWORD_RESET, address=alice.email)
    assert comes_true(lambda: any(file.stat().st_size for file in tmp_path.iterdir()))
    (file,) = tmp_path.iterdir()
    message = message_from_bytes(file.read_bytes())
    assert (message["To"], message["Subject"]) == (alice.email, "Choose a new password")


@pytest.fixture
def left(alice: User) -> None:
    """A mail that a killed worker was sending."""
    queue(Mail.PASSWORD_RESET, address=alice.email)
    DBTaskResult.objects.get().claim("killed")
    DBTaskResult.objects.update(started_at=timezone.now() - timedelta(minutes=11))


def test_mails_of_a_killed_worker_need_no_other_mail(
    left: None, parent: "subprocess.Popen[str]", tmp_path: Path
) -> None:
    worker_of(parent)
    assert comes_true(lambda: any(file.stat().st_size for file in tmp_path.iterdir()))


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_the_worker_does_not_outlive_its_parent(
    parent: "subprocess.Popen[str]", how: signal.Signals
) -> None:
    worker = worker_of(parent)
    assert runs(worker)
    parent.send_signal(how)
    parent.wait()
    assert comes_true(lambda: not runs(worker))


def test_a_worker_stops_if_its_parent_stopped_first() -> None:
    command = [sys.executable, "-m", "project.serving.worker", "1"]
    orphan = subprocess.Popen(command, cwd=settings.BASE_DIR)
    assert orphan.wait(timeout=30) in (0, -signal.SIGTERM)
