"""A damaged store, a store of another site, and a full disk: nothing is lost."""

from pathlib import Path

import pytest
from client_fixtures import stored
from disks import full_disk
from latchkey_client import Client, FileStore, StoreError
from pretend_site import PASSWORD, Answer, PretendSite


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b'{"version": 2}', b"null"], ids=repr)
def test_a_damaged_store_is_reported_and_kept(
    content: bytes, client: Client, site: PretendSite, store: FileStore
) -> None:
    store.path.write_bytes(content)
    for call in (
        client.access_token,
        client.refresh,
        client.sign_out,
        lambda: client.sign_in("alice", PASSWORD),
    ):
        with pytest.raises(StoreError, match=r"session\.json"):
            call()
    assert store.path.read_bytes() == content
    assert site.log == ["POST /api/auth/login/"]


def test_a_token_is_never_sent_to_another_site(client: Client, store: FileStore) -> None:
    other = PretendSite()
    with pytest.raises(StoreError, match="not at"):
        Client(other.url, store=store).refresh()
    assert other.log == []
    other.close()


def test_a_full_disk_keeps_the_session(client: Client, site: PretendSite, store: FileStore) -> None:
    token, before = client.access_token(), store.read()
    with full_disk():
        with pytest.raises(StoreError, match="cannot be written"):
            client.refresh()
        assert client.access_token() == token
    assert (store.read(), site.session.generation) == (before, 1)
    assert client.refresh() in site.valid


def test_a_disk_that_fills_up_keeps_the_session(
    client: Client, site: PretendSite, store: FileStore
) -> None:
    opened = full_disk()

    def fill_up(answer: Answer) -> Answer:
        opened.__enter__()
        return answer

    site.faults.append(fill_up)
    with pytest.raises(StoreError, match="cannot be written"):
        client.refresh()
    opened.__exit__(None, None, None)
    assert site.session.generation == 2
    assert stored(store).generation == 1
    assert client.refresh() in site.valid
    assert site.session.generation == 2


def test_a_sign_in_that_cannot_be_stored_is_ended(site: PretendSite, tmp_path: Path) -> None:
    client = Client(site.url, store=FileStore(tmp_path / "session.json"))
    with full_disk(), pytest.raises(StoreError):
        client.sign_in("alice", PASSWORD)
    assert site.session.ended == "logout"
