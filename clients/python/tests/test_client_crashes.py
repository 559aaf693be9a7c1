"""Processes that are killed while they refresh."""

import signal
import subprocess
import sys

import pytest
from latchkey_client import Client, FileStore
from pretend_site import Answer, PretendSite

REFRESH = """
import sys
from latchkey_client import Client, FileStore
print(Client(sys.argv[1], store=FileStore(sys.argv[2]), timeout=5).refresh())
"""


def start(site: PretendSite, store: FileStore) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", REFRESH, site.url, str(store.path)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def refresh_and_die(site: PretendSite, store: FileStore) -> None:
    """Kill a process after the site has rotated its token, and before it receives the answer."""
    started: list[subprocess.Popen[str]] = []

    def kill(answer: Answer) -> None:
        started[0].kill()
        started[0].wait(10)

    site.faults.append(kill)
    with site.lock:  # The site answers when `started` is complete.
        started.append(start(site, store))
    assert started[0].wait(20) == -signal.SIGKILL
    started[0].communicate()


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.trap(4)
def test_the_successor_survives_a_killed_process(
    times: int, client: Client, site: PretendSite, store: FileStore
) -> None:
    for _ in range(times):
        refresh_and_die(site, store)
    assert site.session.generation == 2
    successor = site.session.token
    assert client.refresh() in site.valid
    assert successor in (store.read() or "")
    assert len({*site.keys}) == 1
    assert len(site.keys) == times + 1
    assert client.refresh() in site.valid
    assert site.session.generation == 3
    assert not site.session.ended


def test_a_killed_process_releases_its_locks(
    client: Client, site: PretendSite, store: FileStore
) -> None:
    hold = """
import sys, time
from latchkey_client import FileStore
store = FileStore(sys.argv[2])
with store.turn(5), store._locks.writing():
    print("held", flush=True)
    time.sleep(60)
"""
    command = [sys.executable, "-c", hold, site.url, str(store.path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        process.kill()
    assert client.refresh() in site.valid
    assert site.count("refresh/") == 1
