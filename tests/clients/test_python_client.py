"""The Python client and the running site: sessions, lost answers, and thieves."""

import asyncio
import io
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import time_machine
from latchkey_client import (
    Client,
    FileStore,
    Refused,
    SignedOut,
    Unavailable,
)

from tests.support.lossy import lossy_proxy
from tests.support.processes import issuer
from tests.support.site import PASSWORD, Site

GRACE_PERIOD = 1  # seconds
SESSION = """
from tokens.models import DeviceSession
session = DeviceSession.objects.get(sid={sid!r})
print(session.generation, session.revoked_reason or "active")
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    directory = tmp_path_factory.mktemp("site")
    with issuer(directory, REFRESH_GRACE_PERIOD=str(GRACE_PERIOD)) as site:
        yield site


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "session.json")


@pytest.fixture
def client(site: Site, store: FileStore) -> Client:
    client = Client(site.url, store=store)
    client.sign_in("alice", PASSWORD, device="laptop")
    return client


def state(store: FileStore) -> dict[str, Any]:
    text = store.read()
    assert text is not None
    stored: dict[str, Any] = json.loads(text)
    return stored


def session(site: Site, sid: str) -> tuple[int, str]:
    """Return the generation in the session's row, and why it was revoked or "active"."""
    generation, reason = site.run(SESSION.format(sid=sid)).split()
    return int(generation), reason


def test_a_session_from_sign_in_to_sign_out(client: Client, site: Site, store: FileStore) -> None:
    with httpx.Client(auth=client, base_url=site.url) as http:
        assert http.get("/api/account/me/").json()["username"] == "alice"
        [current] = [row for row in http.get("/api/auth/sessions/").json() if row["current"]]
        assert (current["device"], current["user_agent"]) == ("laptop", "latchkey-client")
        token = client.access_token()
        assert client.refresh() != token
        sid = state(store)["sid"]
        client.sign_out()
        with pytest.raises(SignedOut):
            http.get("/api/account/me/")
    assert session(site, sid) == (2, "logout")


def test_the_same_with_tasks(site: Site) -> None:
    async def run() -> str:
        client = Client(site.url)
        await client.asign_in("bob", PASSWORD, device="phone")
        await asyncio.gather(*(client.arefresh() for _ in range(20)))
        async with httpx.AsyncClient(auth=client, base_url=site.url) as http:
            name = (await http.get("/api/account/me/")).json()["username"]
        await client.asign_out()
        return str(name)

    assert asyncio.run(run()) == "bob"


def test_wrong_passwords_are_refused(site: Site) -> None:
    with pytest.raises(Refused) as refused:
        Client(site.url).sign_in("alice", "a wrong password")
    assert (refused.value.status, refused.value.code) == (401, "no_active_account")


@pytest.mark.parametrize("ending", ["DELETE", "password"])
def test_a_session_that_was_ended_is_signed_out(
    ending: str, client: Client, site: Site, store: FileStore
) -> None:
    sid = state(store)["sid"]
    if ending == "DELETE":
        other = httpx.Headers({"Authorization": f"Bearer {site.login('alice')['access']}"})
        url = f"{site.url}/api/auth/sessions/{sid}/"
        assert httpx.delete(url, headers=other).status_code == 204
    else:
        client.sign_out()
        client.sign_in("bob", PASSWORD)
        site.run(
            "from accounts.models import User\n"
            "bob = User.objects.get(username='bob')\n"
            f"bob.set_password({PASSWORD!r})\n"
            "bob.save()"
        )
    with pytest.raises(SignedOut):
        client.refresh()
    assert store.read() is None


def test_a_change_of_roles_is_noticed_by_the_401(client: Client, site: Site) -> None:
    with httpx.Client(auth=client, base_url=site.url) as http:
        before = http.get("/api/account/me/").json()["roles"]
        change_roles(site, "editors")
        assert {*http.get("/api/account/me/").json()["roles"]} == {*before, "editors"}


def test_every_second_answer_is_lost(site: Site, store: FileStore) -> None:
    with lossy_proxy(site.url, lose_every=2) as proxy:
        client = Client(proxy.url, store=store, timeout=5)
        client.sign_in("alice", PASSWORD)
        for _ in range(10):
            client.refresh()
        kept = state(store)
    assert proxy.lost >= 9
    assert session(site, kept["sid"]) == (11, "active")
    assert kept["generation"] == 11


@pytest.mark.trap(83)
def test_nothing_is_stored_after_a_sign_out(site: Site, store: FileStore) -> None:
    with lossy_proxy(site.url) as proxy:
        client, other = (Client(proxy.url, store=FileStore(store.path)) for _ in range(2))
        client.sign_in("alice", PASSWORD)
        kept = state(store)
        # The site has rotated the token, and the answer has not arrived yet.
        proxy.on_rotation = lambda generation: other.sign_out()
        with pytest.raises(SignedOut):
            client.refresh()
    assert store.read() is None
    assert session(site, kept["sid"]) == (2, "logout")


def change_roles(site: Site, group: str) -> None:
    """Add alice to the group, so that her access tokens are refused."""
    site.run(
        "from django.contrib.auth.models import Group\n"
        "from accounts.models import User\n"
        f"group = Group.objects.create(name={group!r})\n"
        "User.objects.get(username='alice').groups.add(group)"
    )
    time.sleep(1.1)  # SNAPSHOT_INTERVAL: the running site learns of it.


@pytest.mark.trap(85)
def test_a_stream_is_not_sent_twice(client: Client, site: Site) -> None:
    name = b'{"first_name": "Alice"}'
    headers = {"Content-Type": "application/json"}
    with httpx.Client(auth=client, base_url=site.url, headers=headers) as http:
        change_roles(site, "streamers")
        file = io.BytesIO(name)
        assert http.patch("/api/account/me/", content=file).status_code == 401
        assert file.tell() == len(name)  # The first try has read it.
        file.seek(0)
        assert http.patch("/api/account/me/", content=file).json()["first_name"] == "Alice"


@pytest.mark.parametrize("jump", [-3600, 3600, 10 * 86400], ids=["back", "forward", "10 days"])
@pytest.mark.trap(86)
def test_a_wrong_clock_signs_nobody_out(jump: float, client: Client, site: Site) -> None:
    with time_machine.travel(time.time() + jump), httpx.Client(auth=client) as http:
        for _ in range(3):
            assert http.get(f"{site.url}/api/account/me/").status_code == 200
        change_roles(site, f"wrong clock {jump}")
        assert http.get(f"{site.url}/api/account/me/").status_code == 200
    assert client.refresh() == client.access_token()


def spend(site: Site, token: str, key: str = "") -> httpx.Response:
    """Refresh as a thief of this token."""
    headers = {"Idempotency-Key": key} if key else {}
    url = f"{site.url}/api/auth/refresh/"
    return httpx.post(url, json={"refresh": token}, headers=headers, timeout=30)


def refresh_until_signed_out(client: Client) -> int:
    """Refresh until the client is signed out, and return how many refreshes that took."""
    for number in range(1, 4):
        try:
            client.refresh()
        except SignedOut:
            return number
        except Unavailable:
            time.sleep(GRACE_PERIOD)
    raise AssertionError("The theft was not detected.")


@pytest.mark.parametrize("key", ["", "a key of the thief's own"], ids=["no key", "another key"])
@pytest.mark.parametrize("patience", [30, 0.2], ids=["patient", "impatient"])
@pytest.mark.spec("RFC 9700", "4.14.2")
def test_a_thief_who_comes_first_is_detected(
    key: str, patience: float, client: Client, site: Site, store: FileStore
) -> None:
    kept = state(store)
    client.patience = patience
    stolen = spend(site, kept["refresh"], key)
    assert stolen.status_code == 200
    assert refresh_until_signed_out(client) <= 2
    assert session(site, kept["sid"])[1] == "reuse"
    assert spend(site, stolen.json()["refresh"], key).status_code == 401


@pytest.mark.parametrize("key", ["", "a key of the thief's own"], ids=["no key", "another key"])
@pytest.mark.spec("RFC 9700", "4.14.2")
def test_a_thief_who_comes_second_is_detected(
    key: str, client: Client, site: Site, store: FileStore
) -> None:
    kept = state(store)
    client.refresh()
    assert spend(site, kept["refresh"], key).status_code == 409
    time.sleep(GRACE_PERIOD)
    assert spend(site, kept["refresh"], key).status_code == 401
    assert session(site, kept["sid"])[1] == "reuse"
    assert refresh_until_signed_out(client) == 1


@pytest.mark.spec("RFC 9700", "4.14.2")
def test_a_thief_who_keeps_refreshing_is_detected(
    client: Client, site: Site, store: FileStore
) -> None:
    kept = state(store)
    token = kept["refresh"]
    for number in range(3):
        answer = spend(site, token, f"the thief's key number {number}")
        assert answer.status_code == 200
        token = answer.json()["refresh"]
    assert refresh_until_signed_out(client) == 1
    assert session(site, kept["sid"])[1] == "reuse"
