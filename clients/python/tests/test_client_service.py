"""Service accounts: one request for all threads, renewed before the token expires."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
import requests
from client_fixtures import Clock
from latchkey_client import Refused, ServiceAccount, Unavailable
from pretend_site import CLIENT_SECRET, Answer, PretendSite, lost


@pytest.fixture
def service(site: PretendSite) -> ServiceAccount:
    return ServiceAccount(site.url, "orders", CLIENT_SECRET, scope="read", timeout=5, patience=5)


def test_a_token_is_requested_once(service: ServiceAccount, site: PretendSite) -> None:
    assert service.access_token() in site.valid
    assert service.access_token() == service.access_token()
    assert site.log == ["POST /oauth/token"]


def test_scopes_can_be_a_list(site: PretendSite) -> None:
    scopes = []

    def note(answer: Answer) -> Answer:
        scopes.append(answer[2]["scope"])
        return answer

    site.faults.append(note)
    ServiceAccount(site.url, "orders", CLIENT_SECRET, scope=["read", "write"]).access_token()
    assert scopes == ["read write"]


@pytest.mark.parametrize("jump", [271, 300, 3600, -3600])
def test_a_token_is_renewed_before_it_expires(
    jump: float, service: ServiceAccount, site: PretendSite, clock: Clock
) -> None:
    first = service.access_token()
    clock.forward(jump)
    assert service.access_token() != first
    assert site.count("token") == 2


def test_threads_share_one_request(service: ServiceAccount, site: PretendSite) -> None:
    barrier = threading.Barrier(16)

    def call(_: int) -> str:
        barrier.wait()
        return service.access_token()

    with ThreadPoolExecutor(16) as pool:
        assert len({*pool.map(call, range(16))}) == 1
    assert site.count("token") == 1


@pytest.mark.parametrize(
    "fault",
    [lost, (503, {"Retry-After": "0"}, {}), (429, {"Retry-After": "0"}, {}), (200, {}, b"<html>")],
    ids=["a lost answer", "503", "429", "a page"],
)
def test_a_token_is_requested_again_after(
    fault: Any, service: ServiceAccount, site: PretendSite
) -> None:
    site.faults.append(fault)
    assert service.access_token() in site.valid
    assert site.count("token") == 2


def test_a_wrong_secret_is_refused(site: PretendSite) -> None:
    service = ServiceAccount(site.url, "orders", "wrong")
    with pytest.raises(Refused) as refused:
        service.access_token()
    assert (refused.value.status, refused.value.code) == (401, "invalid_client")


def test_a_site_that_is_away_is_unavailable(
    service: ServiceAccount, site: PretendSite, clock: Clock
) -> None:
    token = service.access_token()
    service.patience = 0.3
    site.close()
    clock.forward(299)
    assert service.access_token() == token
    clock.forward(1)
    with pytest.raises(Unavailable):
        service.access_token()


def test_a_refused_token_is_replaced(service: ServiceAccount, site: PretendSite) -> None:
    service.access_token()
    site.expire()
    with httpx.Client(auth=service) as http:
        assert http.get(f"{site.url}/api/").status_code == 200
    site.expire()
    assert requests.get(f"{site.url}/api/", auth=service.requests, timeout=5).status_code == 200
    site.expire()

    async def run() -> int:
        async with httpx.AsyncClient(auth=service) as http:
            return (await http.get(f"{site.url}/api/")).status_code

    assert asyncio.run(run()) == 200
    assert site.count("token") == 4


def test_the_secret_is_not_shown(service: ServiceAccount) -> None:
    service.access_token()
    assert CLIENT_SECRET not in repr(service)
