"""SIGHUP replaces the server and the mail worker, and no request of a client fails."""

import http.client
import json
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from project.serving import supervisor
from tests.project.conftest import comes_true
from tests.project.serving.test_supervisor import children, command_of
from tests.support.site import Site, latchkey

pytestmark = [pytest.mark.slow, pytest.mark.once]

RESTARTS = 3
#: The clients: whether each keeps its connection, and how long it pauses between two refreshes.
CLIENTS = [(False, 0.0), (False, 0.01), (True, 0.0), (True, 2.0)]


class Client:
    """Refreshes again and again. Nothing is sent twice, so that a lost request is an exception."""

    def __init__(self, site: Site, *, keeps_alive: bool, pause: float) -> None:
        self.pair = site.login("alice")
        self.port = int(site.url.rpartition(":")[2])
        self.keeps_alive, self.pause = keeps_alive, pause
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        self.closed = 0  # connections that an answer closed

    def refresh_until(self, stopped: threading.Event) -> int:
        """Return the number of refreshes."""
        count = 0
        while not stopped.wait(self.pause):
            self.refresh()
            count += 1
        self.connection.close()
        return count

    def refresh(self) -> None:
        headers = {"Host": f"localhost:{self.port}", "Content-Type": "application/json"}
        body = json.dumps({"refresh": self.pair["refresh"]})
        self.connection.request("POST", "/api/auth/refresh/", body, headers)
        answer = self.connection.getresponse()
        content = answer.read()
        assert answer.status == 200, content
        self.pair = json.loads(content)
        self.closed += answer.getheader("Connection") == "close"
        if not self.keeps_alive:
            self.connection.close()


@contextmanager
def load(site: Site) -> Iterator[list[Client]]:
    """Let four clients refresh until the block ends. Raise the exception of a client."""
    clients = [Client(site, keeps_alive=kept, pause=pause) for kept, pause in CLIENTS]
    stopped = threading.Event()
    with ThreadPoolExecutor(len(clients)) as threads:
        running: list[Future[int]] = [
            threads.submit(client.refresh_until, stopped) for client in clients
        ]
        try:
            yield clients
        finally:
            stopped.set()
        counts = [future.result() for future in running]
    print("refreshes:", counts)  # noqa: T201  (shown by pytest -rP)
    assert min(counts) >= RESTARTS


def events(log: Path, name: str) -> list[dict[str, Any]]:
    complete = log.read_text().rpartition("\n")[0]  # The site may be writing the last line.
    lines = [json.loads(line) for line in complete.splitlines()]
    return [line for line in lines if line["event"] == name]


def restart(site: Site, log: Path) -> None:
    """Restart, and return when the new server has taken over."""
    count = len(events(log, "restarted"))
    site.process.send_signal(signal.SIGHUP)
    assert comes_true(lambda: len(events(log, "restarted")) > count)


def servers(site: Site) -> set[int]:
    found = children(site.process.pid)
    return {pid for pid in found if "project.serving.server" in command_of(pid)}


@pytest.mark.parametrize("workers", [1, 2])
def test_no_request_fails_in_restarts_under_load(tmp_path: Path, workers: int) -> None:
    log = tmp_path / "log"
    with latchkey(tmp_path, WORKERS=str(workers)) as site:
        site.add_people("alice")
        before = servers(site)
        with load(site) as clients:
            for _ in range(RESTARTS):
                restart(site, log)
                time.sleep(3)  # The client with the longest pause uses its old connection.
        assert len(servers(site) - before) >= 2  # The earlier ones finish their requests.
        assert all(client.closed >= RESTARTS for client in clients if client.keeps_alive)
        assert comes_true(lambda: len(servers(site)) == 1)
        assert not servers(site) & before


def test_a_server_that_never_answers_replaces_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards START_TIMEOUT: the processes here only sleep, and so none tells that it is ready."""

    started: list[supervisor.Process] = []

    def sleeper(*_: object) -> supervisor.Process:
        started.append(subprocess.Popen(["/bin/sleep", "60"], process_group=0))
        return started[-1]

    prepared = subprocess.CompletedProcess[bytes]([], 0)
    monkeypatch.setattr(supervisor, "start", sleeper)
    monkeypatch.setattr(supervisor, "START_TIMEOUT", 1)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: prepared)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    site = supervisor.Site(0, {})
    try:
        site.restart()
        old, worker, new = started
        assert (site.server, site.worker, site.retired) == (old, worker, [])
        assert (old.poll(), worker.poll(), new.poll()) == (None, None, -signal.SIGTERM)
    finally:
        supervisor.stop_processes([site.server, site.worker])


def test_a_server_that_cannot_start_replaces_nothing(tmp_path: Path) -> None:
    """Only the server itself reads HOST in a restart, because the socket is open already."""
    file, log = tmp_path / "env", tmp_path / "log"
    file.touch()
    with latchkey(tmp_path, LATCHKEY_ENV_FILE=str(file), HOST="") as site:
        before = children(site.process.pid)
        file.write_text("HOST=nonsense.invalid\n")
        site.process.send_signal(signal.SIGHUP)
        assert comes_true(lambda: bool(events(log, "not_restarted")))
        assert [event["status"] for event in events(log, "not_restarted")] == [1]
        assert children(site.process.pid) == before
        assert httpx.get(site.url).status_code == 200


def test_a_restart_with_wrong_settings_changes_nothing(tmp_path: Path) -> None:
    """A restart reads the file of settings again. The environment is that of the first start."""
    file, log = tmp_path / "env", tmp_path / "log"
    file.write_text("SITE_NAME=First\n")
    with latchkey(tmp_path, LATCHKEY_ENV_FILE=str(file)) as site:
        before = children(site.process.pid)
        file.write_text("SITE_NAME=Second\nTHREADS=many\n")
        site.process.send_signal(signal.SIGHUP)
        assert comes_true(lambda: bool(events(log, "not_restarted")))
        assert "THREADS is a whole number" in events(log, "not_started")[0]["message"]
        assert children(site.process.pid) == before
        assert "First" in httpx.get(site.url).text
        file.write_text("SITE_NAME=Second\n")
        restart(site, log)
        assert "Second" in httpx.get(site.url).text
        assert len(children(site.process.pid) - before) == 2  # a server and a mail worker
        site.process.terminate()
        assert site.process.wait(timeout=10) == 0  # The old server ends early too.
