"""Threads and processes of the installed client share one session, while answers are lost.

The processes run the wheel.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.lossy import LossyProxy, lossy_proxy
from tests.support.processes import issuer
from tests.support.python_client import REFRESH_FOREVER
from tests.support.site import PASSWORD, Site
from tests.support.wheels import build_wheel, run_module

PROCESSES = 4
SECONDS = 800  # for the soak, on a busy machine
SOAK = [pytest.mark.soak, pytest.mark.timeout(900)]
SESSIONS = """
from tokens.models import DeviceSession
for session in DeviceSession.objects.filter(user__username="alice"):
    print(session.sid, session.generation, session.revoked_reason or "active")
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory of the installed wheel."""
    target = tmp_path_factory.mktemp("client")
    built = build_wheel("python", tmp_path_factory.mktemp("wheels"))
    run_module(
        "pip", "install", "-q", "--no-deps", "--no-index", "--target", str(target), str(built)
    )
    return target


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with issuer(tmp_path) as site:
        yield site


@dataclass
class Crowd:
    """Processes that refresh the session in this file, with eight threads each."""

    url: str
    path: Path
    wheel: Path
    running: list["subprocess.Popen[str]"] = field(default_factory=list)
    killed: int = 0
    printed: str = ""

    def start(self) -> None:
        """Start another process."""
        process = subprocess.Popen(
            [sys.executable, "-c", REFRESH_FOREVER, self.url, str(self.path)],
            env={**os.environ, "PYTHONPATH": str(self.wheel)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.running.append(process)

    def kill(self) -> None:
        """Kill the oldest process with SIGKILL."""
        process = self.running.pop(0)
        process.kill()
        self.printed += process.communicate()[0]
        self.killed += 1

    def command(self, *words: str, typed: str = "") -> str:
        """Run the command `latchkey`, which must succeed."""
        done = subprocess.run(
            [sys.executable, "-m", "latchkey_client", "--store", str(self.path), *words],
            env={**os.environ, "PYTHONPATH": str(self.wheel)},
            input=typed,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


def refresh_together(proxy: LossyProxy, crowd: Crowd, *, generations: int, every: int) -> None:
    """Let the processes refresh this many times, and kill one or all of them every so often.

    They are killed when the site has rotated the token and the answer is on its way. If all are
    killed, the one that waits for it is among them.
    """

    def on_rotation(generation: int) -> None:
        if generation % every == 0:
            for _ in range(PROCESSES if generation // every % 2 else 1):
                crowd.kill()
                crowd.start()

    proxy.on_rotation = on_rotation
    for _ in range(PROCESSES):
        crowd.start()
    deadline = time.monotonic() + SECONDS
    try:
        while proxy.generation <= generations:
            assert time.monotonic() < deadline, proxy.generation
            assert all(process.poll() is None for process in [*crowd.running])
            time.sleep(0.05)
    finally:
        proxy.on_rotation = lambda generation: None
        while crowd.running:
            crowd.kill()


@pytest.mark.parametrize(
    ("generations", "every"),
    [
        pytest.param(100, 25, id="100 refreshes"),
        pytest.param(1000, 50, id="1000 refreshes", marks=SOAK),
    ],
)
@pytest.mark.trap(4, 81, 84)
def test_killed_processes_and_lost_answers_sign_nobody_out(
    generations: int, every: int, site: Site, wheel: Path, tmp_path: Path
) -> None:
    with lossy_proxy(site.url, lose_every=20) as proxy:
        crowd = Crowd(proxy.url, tmp_path / "session.json", wheel)
        words = ("login", "--site", proxy.url, "--username", "alice", "--device", "laptop")
        crowd.command(*words, typed=f"{PASSWORD}\n")
        started = time.monotonic()
        try:
            refresh_together(proxy, crowd, generations=generations, every=every)
        finally:
            assert crowd.printed == ""  # no SignedOut, no Unavailable, no other error
        seconds = time.monotonic() - started
        token = crowd.command("token")
        kept = json.loads(crowd.path.read_text())
    assert {*proxy.statuses} == {200}
    assert proxy.lost == proxy.answers // 20 > 0
    assert crowd.killed >= generations // every * (PROCESSES + 1) // 2 + PROCESSES
    [line] = site.run(SESSIONS).splitlines()
    sid, generation, ending = line.split()
    assert (sid, ending) == (kept["sid"], "active")
    assert proxy.generation == int(generation) > generations
    assert int(generation) - kept["generation"] in (0, 1)  # The last answer may be on the way.
    assert token == kept["access"]
    sys.stdout.write(
        f"{proxy.generation - 1} refreshes in {seconds:.0f} s, {proxy.answers} answers, "
        f"{proxy.lost} lost, {crowd.killed - PROCESSES} killed\n"
    )
