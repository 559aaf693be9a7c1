"""Several processes refresh on one database, and one of them is killed."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import IO
from urllib.parse import quote

import pytest
from django.conf import settings
from django.db import connection

from accounts.models import User
from tests.conftest import HASHED
from tests.support.racing import Outcome, refresh, retry_key, sign_in
from tokens.models import DeviceSession

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

PROGRAM = (
    "import django; django.setup(); from tests.support.racing import run_refreshes; run_refreshes()"
)
PROCESSES = 4


class Worker:
    """A process that refreshes the given tokens, on the tests' database."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM],
            cwd=settings.BASE_DIR,
            env={**os.environ, "DATABASE_URL": database_url()},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stdin
        assert self.process.stdout
        self.asked: IO[str] = self.process.stdin
        self.answers: IO[str] = self.process.stdout

    def ready(self) -> "Worker":
        assert self.answers.readline() == "ready\n"
        return self

    def ask(self, how: str, last: Outcome) -> None:
        self.asked.write(f"{how} {last.generation} {last.refresh}\n")
        self.asked.flush()

    def answer(self) -> Outcome:
        """Return the next answer, which must be a complete line."""
        line = self.answers.readline()
        assert line.endswith("\n")
        generation, token = line.split()
        return Outcome(200, token, generation=int(generation))

    def kill(self) -> list[Outcome]:
        """Kill the process, and return the answers that it had written."""
        self.process.kill()
        self.process.wait()
        rest = [line.split() for line in self.answers if line.endswith("\n")]
        return [Outcome(200, token, generation=int(number)) for number, token in rest]

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self.answers.close()
        with suppress(BrokenPipeError):  # It was killed before it read all lines.
            self.asked.close()


def database_url() -> str:
    """Return the address of the database that the tests are using."""
    parts = {name: str(value) for name, value in connection.settings_dict.items()}
    if connection.vendor == "sqlite":
        return f"sqlite:///{parts['NAME']}"
    login = f"{quote(parts['USER'], safe='')}:{quote(parts['PASSWORD'], safe='')}"
    return f"postgres://{login}@{parts['HOST']}:{parts['PORT']}/{parts['NAME']}"


@pytest.fixture
def workers() -> Iterator[list[Worker]]:
    started = [Worker() for _ in range(PROCESSES)]
    yield [worker.ready() for worker in started]
    for worker in started:
        worker.close()


def row_of(answer: Outcome) -> DeviceSession:
    return DeviceSession.objects.get(sid=answer.session)


@pytest.mark.trap(1, 29)
def test_simultaneous_processes_write_once(workers: list[Worker], alice: User) -> None:
    """Guards statements.advance: only the database decides which process wins."""
    last = first = sign_in(alice)
    for generation in range(2, 32):
        for worker in workers:
            worker.ask("once", last)
        answers = {worker.answer() for worker in workers}
        assert len(answers) == 1
        (last,) = answers
        assert last.generation == generation == row_of(first).generation
    assert row_of(first).revoked_at is None


@pytest.mark.trap(9, 29)
@pytest.mark.parametrize(
    "rounds", [pytest.param(3, id="few"), pytest.param(25, id="many", marks=pytest.mark.soak)]
)
def test_a_client_continues_after_a_killed_refresh(rounds: int, db: None) -> None:
    """Guards that a rotation is one statement: its result can be requested again."""
    for number in range(rounds):
        alice = User.objects.create(username=f"alice-{number}", password=HASHED)
        sessions = [sign_in(alice) for _ in range(PROCESSES)]
        killed = [Worker() for _ in range(PROCESSES)]
        for count, (worker, first) in enumerate(zip(killed, sessions, strict=True), start=1):
            worker.ready().ask("forever", first)
            known = [worker.answer() for _ in range(7 * count + number)]
            last = [*known, *worker.kill()][-1]
            worker.close()
            assert last.generation <= row_of(first).generation <= last.generation + 1
            after = refresh(last.refresh, retry_key(last.generation))
            assert after.status == 200
            assert after.generation == last.generation + 1 == row_of(first).generation
            assert refresh(after.refresh, retry_key(after.generation)).status == 200
            assert row_of(first).revoked_at is None
