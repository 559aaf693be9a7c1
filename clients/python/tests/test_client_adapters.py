"""Requests of httpx, httpx2 and requests, which carry the client's token."""

import asyncio
import io
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import httpx2
import pytest
import requests
from client_fixtures import Clock
from latchkey_client import Client, SignedOut, Unavailable
from pretend_site import PretendSite

Send = Callable[..., Any]
#: Reading the certificates takes longer than a request.
TRUSTED = ssl.create_default_context()


def by_httpx(client: Client, method: str, url: str, **options: Any) -> Any:
    with httpx.Client(auth=client, follow_redirects=True, verify=TRUSTED) as http:
        return http.request(method, url, **options)


def by_httpx2(client: Client, method: str, url: str, **options: Any) -> Any:
    with httpx2.Client(auth=client.httpx2, follow_redirects=True, verify=TRUSTED) as http:
        return http.request(method, url, **options)


def by_async_httpx(client: Client, method: str, url: str, **options: Any) -> Any:
    async def send() -> Any:
        async with httpx.AsyncClient(auth=client, follow_redirects=True, verify=TRUSTED) as http:
            return await http.request(method, url, **as_async(options))

    return asyncio.run(send())


def by_async_httpx2(client: Client, method: str, url: str, **options: Any) -> Any:
    async def send() -> Any:
        async with httpx2.AsyncClient(
            auth=client.httpx2, follow_redirects=True, verify=TRUSTED
        ) as http:
            return await http.request(method, url, **as_async(options))

    return asyncio.run(send())


def as_async(options: dict[str, Any]) -> dict[str, Any]:
    """Replace a generator by an asynchronous one."""
    content = options.get("content")

    async def stream() -> AsyncIterator[bytes]:
        for part in content or ():
            yield part

    return options | ({"content": stream()} if isinstance(content, Iterator) else {})


def by_requests(client: Client, method: str, url: str, **options: Any) -> Any:
    options["data"] = options.pop("content", None)
    with requests.Session() as http:
        return http.request(method, url, auth=client.requests, timeout=10, **options)


ALL = [by_httpx, by_async_httpx, by_httpx2, by_async_httpx2, by_requests]
each = pytest.mark.parametrize("send", ALL, ids=lambda send: send.__name__)


@each
def test_a_request_carries_the_token(send: Send, client: Client, site: PretendSite) -> None:
    answer = send(client, "GET", f"{site.url}/api/")
    assert (answer.status_code, answer.json()["username"]) == (200, "alice")
    assert site.count("refresh/") == 0


@each
def test_an_expired_token_is_renewed_first(
    send: Send, client: Client, site: PretendSite, clock: Clock
) -> None:
    client.refresh()
    clock.forward(300)
    assert send(client, "GET", f"{site.url}/api/").status_code == 200
    assert site.log[-2:] == ["POST /api/auth/refresh/", "GET /api/"]


@each
@pytest.mark.trap(86)
def test_a_401_is_answered_with_a_new_token(send: Send, client: Client, site: PretendSite) -> None:
    site.expire()
    answer = send(client, "POST", f"{site.url}/api/", content=b"an order")
    assert answer.status_code == 200
    assert site.log[1:] == ["POST /api/", "POST /api/auth/refresh/", "POST /api/"]
    assert site.bodies == [b"an order"] * 2


@each
def test_a_401_takes_the_token_of_another_process(
    send: Send, client: Client, site: PretendSite
) -> None:
    other = Client(site.url, store=client.store)
    held = client._held()
    token = other.refresh()
    site.valid.pop(held.access)

    class Behind(Client):
        """Reads the store before the other process has written it."""

        first = True

        def _held(self) -> Any:
            self.first, first = False, self.first
            return held if first else super()._held()

    behind = Behind(site.url, store=client.store)
    assert send(behind, "GET", f"{site.url}/api/").status_code == 200
    assert site.count("refresh/") == 1
    assert behind.access_token() == token


def parts() -> Iterator[bytes]:
    yield b"an "
    yield b"order"


@each
@pytest.mark.trap(85)
def test_a_stream_is_not_sent_twice(send: Send, client: Client, site: PretendSite) -> None:
    site.expire()
    answer = send(client, "POST", f"{site.url}/api/", content=parts())
    assert answer.status_code == 401
    assert site.bodies == [b"an order"]
    # The token was replaced, so that the next request succeeds.
    assert send(client, "POST", f"{site.url}/api/", content=parts()).status_code == 200
    assert site.bodies == [b"an order"] * 2


@pytest.mark.parametrize("send", [by_httpx, by_httpx2])
@pytest.mark.trap(85)
def test_httpx_does_not_send_half_a_file(send: Send, client: Client, site: PretendSite) -> None:
    site.expire()
    file = io.BytesIO(b"an order")
    assert send(client, "POST", f"{site.url}/api/", content=file).status_code == 401
    assert site.bodies == [b"an order"]


@pytest.mark.trap(85)
def test_requests_sends_a_file_from_its_start(client: Client, site: PretendSite) -> None:
    site.expire()
    file = io.BytesIO(b"not this: an order")
    file.seek(10)
    answer = by_requests(client, "POST", f"{site.url}/api/", content=file)
    assert answer.status_code == 200
    assert site.bodies == [b"an order"] * 2
    assert [earlier.status_code for earlier in answer.history] == [401]


@each
def test_a_redirect_takes_no_token_to_another_origin(
    send: Send, client: Client, site: PretendSite
) -> None:
    answer = send(client, "GET", f"{site.url}/moved/")
    assert answer.status_code == 401  # It arrived without a token.
    assert site.count("refresh/") == 0
    assert site.session.generation == 1


@each
def test_an_api_that_refuses_each_token_costs_one_refresh(
    send: Send, client: Client, site: PretendSite
) -> None:
    for _ in range(5):
        assert send(client, "GET", f"{site.url}/other/").status_code == 401
    assert site.count("refresh/") == 1
    assert site.count("/other/") == 6


@each
def test_an_ended_session_is_raised(send: Send, client: Client, site: PretendSite) -> None:
    site.expire()
    site.session.ended = "logout_all"
    with pytest.raises(SignedOut):
        send(client, "GET", f"{site.url}/api/")
    with pytest.raises(SignedOut):
        send(client, "GET", f"{site.url}/api/")
    assert site.count("/api/") == 1


@each
def test_an_outage_is_not_a_401(send: Send, client: Client, site: PretendSite) -> None:
    site.expire()
    site.faults.append((503, {"Retry-After": "60"}, {}))
    with pytest.raises(Unavailable):
        send(client, "GET", f"{site.url}/api/")


def test_tasks_refresh_together(client: Client, site: PretendSite) -> None:
    async def run() -> list[str]:
        site.expire()
        async with httpx.AsyncClient(auth=client) as http:
            answers = await asyncio.gather(*(http.get(f"{site.url}/api/") for _ in range(30)))
        return [answer.json()["username"] for answer in answers]

    assert asyncio.run(run()) == ["alice"] * 30
    assert site.session.generation == 2


def test_a_cancelled_task_does_not_stop_a_refresh(client: Client, site: PretendSite) -> None:
    async def run() -> None:
        task = asyncio.create_task(client.arefresh())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await client.arefresh() in site.valid

    asyncio.run(run())
    assert site.session.generation == 2


def test_each_call_has_an_asynchronous_variant(client: Client, site: PretendSite) -> None:
    async def run() -> None:
        await client.asign_in("alice", "seven wet otters", device="phone")
        token = await client.aaccess_token()
        assert await client.arefresh() != token
        assert await client.aaccess_token() in site.valid
        await client.asign_out()
        with pytest.raises(SignedOut):
            await client.aaccess_token()

    asyncio.run(run())
    assert [session.ended for session in site.sessions.values()] == ["logout", "logout"]


def test_an_expired_token_is_renewed_by_a_task(
    client: Client, site: PretendSite, clock: Clock
) -> None:
    client.refresh()
    clock.forward(299)
    site.faults += [(503, {"Retry-After": "60"}, {})] * 2
    assert asyncio.run(client.aaccess_token()) in site.valid
    clock.forward(1)
    with pytest.raises(Unavailable):
        asyncio.run(client.aaccess_token())
    assert asyncio.run(client.aaccess_token()) in site.valid
