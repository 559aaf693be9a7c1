"""The stores: atomic replacement, modes, locks, and what a crash leaves behind."""

import json
import os
import stat
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import keyring
import pytest
from client_fixtures import Clock
from disks import full_disk
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked, PasswordDeleteError
from latchkey_client import Client, FileStore, KeyringStore, MemoryStore, Store, StoreError, locks
from pretend_site import PASSWORD, PretendSite


class FileKeyring(KeyringBackend):
    """A keyring in a file, so that the machine needs none."""

    priority = 1
    locked = False

    def __init__(self, path: Path) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.path = path

    def entries(self) -> dict[str, str]:
        if self.locked:
            raise KeyringLocked("locked")
        entries: dict[str, str] = json.loads(self.path.read_text()) if self.path.exists() else {}
        return entries

    def get_password(self, service: str, username: str) -> str | None:
        return self.entries().get(f"{service}/{username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        self.path.write_text(json.dumps(self.entries() | {f"{service}/{username}": password}))

    def delete_password(self, service: str, username: str) -> None:
        entries = self.entries()
        if f"{service}/{username}" not in entries:
            raise PasswordDeleteError("absent")
        del entries[f"{service}/{username}"]
        self.path.write_text(json.dumps(entries))


@pytest.fixture
def backend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FileKeyring]:
    """Use a keyring in a file, and lock files in the test's directory."""
    backend = FileKeyring(tmp_path / "keyring.json")
    monkeypatch.setenv("HOME", str(tmp_path))
    before = keyring.get_keyring()
    keyring.set_keyring(backend)
    yield backend
    keyring.set_keyring(before)


@pytest.fixture(params=["memory", "file", "keyring"])
def any_store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "memory":
        return MemoryStore()
    if request.param == "file":
        return FileStore(tmp_path / "session.json")
    request.getfixturevalue("backend")
    return KeyringStore()


def test_a_store_keeps_what_was_swapped_in(any_store: Store) -> None:
    assert any_store.read() is None
    assert any_store.swap(None, "one ä\n")
    assert any_store.read() == "one ä\n"
    assert not any_store.swap(None, "two")
    assert not any_store.swap("one", "two")
    assert any_store.read() == "one ä\n"
    assert any_store.swap("one ä\n", "two")
    assert any_store.swap("two", None)
    assert any_store.read() is None
    assert any_store.swap(None, None)
    assert not any_store.swap("two", "three")
    assert any_store.read() is None


def test_one_of_many_swaps_succeeds(any_store: Store) -> None:
    barrier = threading.Barrier(8)

    def swap(number: int) -> bool:
        barrier.wait()
        return any_store.swap(None, str(number))

    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(swap, range(8)))
    assert done.count(True) == 1
    assert any_store.read() == str(done.index(True))


def test_one_caller_has_its_turn_at_a_time(any_store: Store) -> None:
    inside: list[int] = []
    most = []

    def enter(number: int) -> None:
        with any_store.turn(10):
            inside.append(number)
            most.append(len(inside))
            time.sleep(0.01)
            inside.remove(number)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(enter, range(4)))
    assert most == [1] * 4


@pytest.mark.trap(82)
def test_a_turn_comes_after_the_timeout_at_the_latest(any_store: Store) -> None:
    with any_store.turn(1), ThreadPoolExecutor(1) as pool:

        def enter() -> str:
            with any_store.turn(0.05):
                return "entered"

        assert pool.submit(enter).result(timeout=5) == "entered"


def test_any_store_keeps_a_session(any_store: Store, site: PretendSite) -> None:
    client = Client(site.url, store=any_store)
    client.sign_in("alice", PASSWORD)
    assert Client(site.url, store=any_store).refresh() == client.access_token()
    client.sign_out()
    assert any_store.read() is None


def test_a_client_without_a_store_uses_memory(site: PretendSite, clock: Clock) -> None:
    client = Client(site.url)
    client.sign_in("alice", PASSWORD)
    clock.forward(300)
    assert client.access_token() in site.valid


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_only_the_owner_can_read_the_files(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        store = FileStore(tmp_path / "new" / "deep" / "session.json")
        with store.turn(1):
            assert store.swap(None, "text")
    finally:
        os.umask(before)
    assert mode(store.path.parent) == 0o700
    assert {path.name: mode(path) for path in store.path.parent.iterdir()} == {
        "session.json": 0o600,
        "session.json.lock": 0o600,
        "session.json.refresh.lock": 0o600,
    }


def test_a_file_that_others_can_read_is_replaced(store: FileStore) -> None:
    store.path.write_text("one")
    store.path.chmod(0o644)
    assert store.swap("one", "two")
    assert mode(store.path) == 0o600


@pytest.mark.trap(81)
def test_readers_see_the_old_or_the_new_text(store: FileStore) -> None:
    texts = {"a" * 100_000, "b" * 100_000}
    old, new = texts
    assert store.swap(None, old)
    stop = threading.Event()

    def read() -> set[str | None]:
        seen = set()
        while not stop.is_set():
            seen.add(store.read())
        return seen

    with ThreadPoolExecutor(2) as pool:
        readers = [pool.submit(read) for _ in range(2)]
        try:
            for _ in range(50):
                assert store.swap(old, new)
                old, new = new, old
        finally:
            stop.set()
        assert readers[0].result() | readers[1].result() <= texts


def test_a_killed_writer_leaves_nothing_behind(store: FileStore) -> None:
    store.path.with_name("session.json.new").write_text("half a tok")
    assert store.swap(None, "one")
    assert store.read() == "one"
    store.path.with_name("session.json.new").write_text("half a tok")
    assert store.swap("one", None)
    assert {path.suffix for path in store.path.parent.iterdir()} == {".lock"}


def test_a_full_disk_leaves_the_old_text(store: FileStore) -> None:
    assert store.swap(None, "one")
    with full_disk(), pytest.raises(StoreError, match="cannot be written"):
        store.swap("one", "two")
    assert store.read() == "one"
    assert not store.path.with_name("session.json.new").exists()


def test_a_symbolic_link_stays(store: FileStore, tmp_path: Path) -> None:
    link = tmp_path / "link.json"
    link.symlink_to(store.path)
    assert FileStore(link).swap(None, "one")
    assert link.is_symlink()
    assert store.read() == "one"


def test_a_writer_that_hangs_is_reported(store: FileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "WRITE_TIMEOUT", 0.05)
    with store._locks.writing(), pytest.raises(StoreError, match="Another process holds"):
        FileStore(store.path).swap(None, "one")
    assert store.read() is None


def enter(store: Store) -> None:
    with store.turn(1):
        pass


@pytest.mark.parametrize(
    "call",
    [FileStore.read, lambda store: store.swap(None, "one"), enter],
    ids=["read", "swap", "turn"],
)
def test_a_path_that_cannot_be_used_is_reported(
    call: Callable[[FileStore], object], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError):
        call(FileStore(tmp_path / "file" / "session.json"))


def test_a_locked_keyring_is_reported(backend: FileKeyring) -> None:
    store = KeyringStore()
    assert store.swap(None, "one")
    backend.locked = True
    with pytest.raises(StoreError, match="locked"):
        store.read()
    with pytest.raises(StoreError, match="locked"):
        store.swap("one", "two")
    backend.locked = False
    assert store.read() == "one"


def test_two_entries_of_a_keyring_are_separate(backend: FileKeyring) -> None:
    assert KeyringStore(username="alice").swap(None, "one")
    assert KeyringStore(username="bob").read() is None
    assert KeyringStore("other", "alice").read() is None
