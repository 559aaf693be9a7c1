"""The second process ends with its parent, and each command has its effect."""

import io
import json
import logging
import os
import queue
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import django
import httpx
import pytest
from django.conf import settings

from project.compare import second
from project.compare.calls import Socket, in_own_thread
from project.compare.logins import Way, demo_person
from project.compare.second import RUN, RUN_HEADER
from tests.project.conftest import comes_true
from tests.support.servers import runs
from tests.tokens.jwt.forging import parts
from tokens.keys.keyring import keyring
from tokens.models import Event, SigningKey

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
PARENT = """
from project.compare.second import Second
second = Second()
second.wait()
print(second.process.pid, flush=True)
input()
"""


def test_it_ends_when_its_parent_is_killed() -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT],
        cwd=settings.BASE_DIR,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "project.settings"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout
    assert parent.stdin
    pid = int(parent.stdout.readline())
    assert runs(pid)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert comes_true(lambda: not runs(pid))
    parent.stdin.close()
    parent.stdout.close()


def test_it_ends_with_the_block_also_after_an_error(second_site: None) -> None:
    started = []

    def fail() -> None:
        with second.second_process() as process:
            process.wait()
            started.append(process)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    (process,) = started
    assert not runs(process.process.pid)
    process.end()


def test_a_process_that_does_not_end_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(second, "COMMAND", [sys.executable, "-c", "import time; time.sleep(60)"])
    monkeypatch.setattr(second, "PATIENCE", 0.1)
    began = time.monotonic()
    with second.second_process() as process:
        assert runs(process.process.pid)
    assert not runs(process.process.pid)
    assert time.monotonic() - began < 30


def test_the_program_ends_with_its_input(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{RUN}\n"))
    # It would let the log write into the stream of this test.
    monkeypatch.setattr(django, "setup", lambda **options: None)
    try:
        second.main()
    finally:
        logging.disable(logging.NOTSET)
    assert 0 < int(capsys.readouterr().out) < 2**16


class Program:
    """The program in a thread of this process, so that its coverage is known."""

    def __init__(self, thread: ThreadPoolExecutor) -> None:
        self.lines: queue.Queue[str] = queue.Queue()
        self.said: queue.Queue[str] = queue.Queue()
        self.lines.put(RUN)
        serve = in_own_thread(second.serve)
        self.program = thread.submit(serve, iter(self.lines.get, ""), self.said.put)

    def heard(self) -> Any:
        return json.loads(self.said.get(timeout=20))

    def tell(self, command: str) -> Any:
        self.lines.put(f"{command}\n")
        return self.heard()

    def end(self) -> None:
        self.lines.put("")
        self.program.result()


@pytest.fixture
def program(transactional_db: None) -> Iterator[Program]:
    with ThreadPoolExecutor(1) as thread:
        program = Program(thread)
        try:
            yield program
        finally:
            program.end()


def test_a_command_switches_the_database_off_and_on(program: Program) -> None:
    with demo_person() as person, closing(Socket(program.heard())) as site:
        logins = person.sign_in_all()

        def statuses() -> list[int]:
            return [site(logins[way].request).status for way in Way]

        assert statuses() == [200, 200, 200]
        program.tell("switch off")
        assert statuses() == [503, 200, 200]
        program.tell("switch on")
        assert statuses() == [200, 200, 200]


def test_a_rehearsed_rotation_changes_nothing(program: Program) -> None:
    program.heard()
    keyring.current()
    before = [*SigningKey.objects.values()], Event.objects.count()
    keys = program.tell("rotate")
    assert ([*SigningKey.objects.values()], Event.objects.count()) == before
    published, signing = (
        {key["kid"] for key in keys[name]["keys"]} for name in ("published", "signing")
    )
    assert published == signing
    assert len(published) == 2
    assert parts(keys["old"])[0]["kid"] != parts(keys["new"])[0]["kid"]


@pytest.mark.parametrize("headers", [{}, {RUN_HEADER: "another"}, {RUN_HEADER: ""}])
def test_other_programs_find_nothing(program: Program, headers: dict[str, str]) -> None:
    url = f"http://127.0.0.1:{program.heard()}"
    for path in ("/", "/metrics", "/api/auth/login/", "/compare/race/"):
        assert httpx.get(url + path, headers=headers, timeout=20).status_code == 404
    assert httpx.get(f"{url}/healthz", headers={RUN_HEADER: RUN}, timeout=20).status_code == 200


def test_it_inherits_neither_the_counters_nor_the_signals_of_the_server(
    second_site: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    with second.second_process() as process:
        process.wait()
        assert os.getpgid(process.process.pid) == process.process.pid
        assert [*tmp_path.iterdir()] == []
