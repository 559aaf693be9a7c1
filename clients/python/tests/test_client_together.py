"""Threads, clients and processes refresh one session at the same time."""

import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from client_fixtures import sign_in, slow, stored
from latchkey_client import Client, FileStore, Unavailable, renewal
from pretend_site import Answer, PretendSite


def in_threads(count: int, call: Callable[[int], str]) -> list[str]:
    """Call this in as many threads, which start together."""
    barrier = threading.Barrier(count)

    def run(number: int) -> str:
        barrier.wait()
        return call(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def test_threads_refresh_together(client: Client, site: PretendSite) -> None:
    site.faults.append(slow)
    assert {*in_threads(20, lambda _: client.refresh())} == {client.access_token()}
    assert site.session.generation == 2
    assert site.count("refresh/") == 1


@pytest.mark.trap(81)
def test_clients_of_one_store_refresh_together(
    client: Client, site: PretendSite, store: FileStore
) -> None:
    clients = [Client(site.url, store=FileStore(store.path)) for _ in range(8)]
    site.expires_in = 0
    client.refresh()
    site.expires_in = 300
    site.faults.append(slow)
    tokens = in_threads(8, lambda number: clients[number].access_token())
    assert len({*tokens}) == 1
    assert site.count("refresh/") == 2


def test_threads_share_a_failure(client: Client, site: PretendSite) -> None:
    site.faults += [lambda answer: slow((503, {"Retry-After": "60"}, {}))]

    def attempt(_: int) -> str:
        with pytest.raises(Unavailable) as raised:
            client.refresh()
        return str(raised.value)

    assert {*in_threads(8, attempt)} == {"The site answered 503."}
    assert site.count("refresh/") == 1


def test_no_lock_is_needed_for_one_valid_generation(
    site: PretendSite, store: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_in(site, store)
    monkeypatch.setattr(renewal, "TURN_TIMEOUT", 0.01)
    clients = [Client(site.url, store=FileStore(store.path)) for _ in range(8)]
    barrier = threading.Barrier(8, timeout=5)

    def together(answer: Answer) -> Answer:
        site.lock.release()  # so that all requests are at the site at the same time
        barrier.wait()
        site.lock.acquire()
        return answer

    with store.turn(0):  # Another process holds the lock and hangs.
        site.faults += [together] * 8
        in_threads(8, lambda number: clients[number].refresh())
    assert len({*site.keys}) == 1
    assert len(site.keys) == 8
    assert site.session.generation == 2
    assert stored(store).refresh == site.session.token
    assert not site.session.ended


@pytest.mark.trap(82)
def test_a_suspended_process_sends_no_old_token(
    client: Client, site: PretendSite, store: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(renewal, "TURN_TIMEOUT", 0.05)
    other = Client(site.url, store=FileStore(store.path))

    class SuspendedStore(FileStore):
        def swap(self, old: str | None, new: str | None) -> bool:
            done = super().swap(old, new)
            if site.session.generation == 1:
                other.refresh()
                other.refresh()
                time.sleep(0.06)
            return done

    suspended = Client(site.url, store=SuspendedStore(store.path))
    assert suspended.refresh() in site.valid
    assert not site.session.ended
    assert site.session.generation == 3


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")  # since 3.12
def test_a_forked_process_can_refresh(client: Client, site: PretendSite) -> None:
    site.faults.append(slow)
    thread = threading.Thread(target=client.refresh)
    thread.start()
    time.sleep(0.1)  # The parent's thread is refreshing at the moment of the fork.
    child = os.fork()
    if child == 0:
        signal.alarm(20)  # A child that waits for a thread of its parent is ended.
        status = 1
        try:
            status = 0 if client.refresh() else 1
        finally:
            os._exit(status)
    thread.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert not site.session.ended
