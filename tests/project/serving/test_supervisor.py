"""The server and the mail worker start and stop together, whichever process is killed."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from django.conf import settings

from project.serving.serve import open_port
from tests.project.conftest import comes_true
from tests.support.servers import free_port, runs
from tests.tokens.sessions.test_processes import database_url

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass(frozen=True)
class Site:
    """A running site on an unused port."""

    supervisor: "subprocess.Popen[bytes]"
    port: int

    def answers(self) -> bool:
        with suppress(httpx.HTTPError):
            return httpx.get(f"http://127.0.0.1:{self.port}/healthz").status_code == 200
        return False

    def program(self, name: str) -> int:
        """Return the id of the server's main process, or of the mail worker, or 0."""
        for pid in children(self.supervisor.pid):
            if name in command_of(pid):
                return pid
        return 0

    def processes(self) -> set[int]:
        server = self.program("project.serving.server")
        return {
            self.supervisor.pid,
            server,
            self.program("project.serving.worker"),
            *children(server),
        }

    def is_free(self) -> bool:
        """Return whether the port is free."""
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) != 0


def children(parent: int) -> set[int]:
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]
    return {pid for pid in pids if parent_of(pid) == parent}


def parent_of(pid: int) -> int:
    with suppress(FileNotFoundError, ProcessLookupError):
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return 0


def command_of(pid: int) -> str:
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    return ""


@contextmanager
def running_site(stderr: int) -> Iterator[Site]:
    port = free_port()
    listening = open_port("127.0.0.1", port)
    process = subprocess.Popen(
        [sys.executable, "-m", "project.serving.supervisor", str(listening)],
        cwd=settings.BASE_DIR,
        env={
            **os.environ,
            "DATABASE_URL": database_url(),
            "HOST": "127.0.0.1",
            "PORT": str(port),
            "WORKERS": "2",
        },
        stdout=subprocess.DEVNULL,
        stderr=stderr,
        start_new_session=True,  # like a terminal, which sends Ctrl-C to the process group
        pass_fds=(listening,),
    )
    os.close(listening)
    running, before = Site(process, port), set[int]()
    try:
        assert comes_true(running.answers)
        before = running.processes()
        assert len(before) == 5
        yield running
    finally:
        process.kill()
        process.wait()
        assert comes_true(lambda: not any(runs(pid) for pid in before))


@pytest.fixture
def site() -> Iterator[Site]:
    with running_site(subprocess.DEVNULL) as running:
        yield running


def interrupt_the_group(site: Site) -> None:
    os.killpg(site.supervisor.pid, signal.SIGINT)


def terminate(site: Site) -> None:
    site.supervisor.terminate()


def kill(site: Site) -> None:
    site.supervisor.kill()


def kill_the_server(site: Site) -> None:
    os.kill(site.program("project.serving.server"), signal.SIGKILL)


def kill_with_the_server(site: Site) -> None:
    server = site.program("project.serving.server")
    site.supervisor.kill()
    os.kill(server, signal.SIGKILL)


ENDS: dict[str, tuple[Callable[[Site], None], int]] = {
    "Ctrl-C": (interrupt_the_group, 0),
    "terminated": (terminate, 0),
    "killed": (kill, -signal.SIGKILL),
    "its server killed": (kill_the_server, 1),
    "killed with its server": (kill_with_the_server, -signal.SIGKILL),
}


@pytest.mark.parametrize(("end", "status"), ENDS.values(), ids=ENDS)
def test_all_processes_stop_together_and_free_the_port(
    site: Site, end: Callable[[Site], None], status: int
) -> None:
    before = site.processes()
    end(site)
    assert site.supervisor.wait(timeout=20) == status
    assert comes_true(lambda: not any(runs(pid) for pid in before))
    assert comes_true(site.is_free)  # A killed process is a zombie before its threads have ended.


def test_connections_are_refused_while_the_mail_worker_finishes(site: Site) -> None:
    """A proxy can choose another server then."""
    server, worker = map(site.program, ("project.serving.server", "project.serving.worker"))
    os.kill(worker, signal.SIGSTOP)
    site.supervisor.terminate()
    assert comes_true(lambda: not runs(server))
    assert comes_true(site.is_free, seconds=2)
    assert runs(worker)
    os.kill(worker, signal.SIGCONT)
    assert site.supervisor.wait(timeout=20) == 0


def test_a_killed_server_worker_is_restarted(site: Site) -> None:
    server = site.program("project.serving.server")
    killed, other = sorted(children(server))
    os.kill(killed, signal.SIGKILL)
    assert comes_true(site.answers, seconds=3)  # The kernel may reset one connection.
    assert all(site.answers() for _ in range(5))
    assert comes_true(lambda: len(children(server) - {killed}) == 2)
    assert site.program("project.serving.server") == server
    assert other in children(server)
    os.kill(other, signal.SIGKILL)  # The restarted worker serves alone for a while.
    assert comes_true(site.answers)
    assert comes_true(lambda: len(children(server) - {killed, other}) == 2)
    site.supervisor.terminate()
    assert site.supervisor.wait(timeout=20) == 0
    assert not children(server)


def test_a_killed_mail_worker_is_restarted(site: Site) -> None:
    first = site.program("project.serving.worker")
    os.kill(first, signal.SIGKILL)
    assert comes_true(lambda: site.program("project.serving.worker") not in (0, first))
    assert site.answers()


def test_a_closed_terminal_stops_the_site() -> None:
    """Without a terminal, SIGHUP restarts the site: test_restart.py."""
    ours, theirs = os.openpty()
    with running_site(theirs) as site:
        site.supervisor.send_signal(signal.SIGHUP)
        assert site.supervisor.wait(timeout=20) == 0
        assert site.is_free()
    for descriptor in (ours, theirs):
        os.close(descriptor)
