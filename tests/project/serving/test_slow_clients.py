"""Clients that send slowly or incompletely occupy no thread of the site."""

import statistics
import struct
import time
from collections.abc import Iterator
from select import select
from typing import Any

import httpx
import pytest

from project.serving.gateway import BODY_TIME
from tests.support.connections import answered, ask, connect, many, request
from tests.support.site import Site, latchkey

STALLED = request("/api/auth/refresh/", "Content-Length: 60000", method="POST") + b'{"refresh": "'
TOO_LONG = STALLED.replace(b"60000", b"1000000")
HALF_SENT = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Padding: "


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with latchkey(tmp_path_factory.mktemp("site")) as running:
        running.add_people("alice")
        yield running


def is_alive(site: Site) -> bool:
    return httpx.get(f"{site.url}/healthz", timeout=10).status_code == 200


def refresh(site: Site, pair: dict[str, Any]) -> dict[str, Any]:
    body = {"refresh": pair["refresh"]}
    answer = httpx.post(f"{site.url}/api/auth/refresh/", json=body, timeout=30)
    assert answer.status_code == 200, answer.text
    rotated: dict[str, Any] = answer.json()
    return rotated


@pytest.mark.trap(92)
def test_slow_clients_do_not_delay_others(site: Site) -> None:
    pair, took = site.login("alice"), []
    with (
        many(site.url, 2000, HALF_SENT),
        many(site.url, 50, STALLED) as stalled,
        many(site.url, 50, TOO_LONG) as too_long,
    ):
        began = time.monotonic()
        assert is_alive(site)
        assert time.monotonic() - began < 1
        until = time.monotonic() + 8
        while time.monotonic() < until:
            began = time.monotonic()
            pair = refresh(site, pair)
            took.append(time.monotonic() - began)
        p99 = statistics.quantiles(took, n=100)[98]
        print(f"{len(took)} refreshes, p99 {p99 * 1000:.0f} ms")  # noqa: T201  (shown by pytest -rP)
        assert p99 < 5
        refusals = {answered(connection) for connection in stalled + too_long}
    assert {status for status, _ in refusals} == {408}
    assert all(b'"code": "timeout"' in content for _, content in refusals)
    assert time.monotonic() - until < BODY_TIME + 5


def test_a_client_that_disconnects_early_frees_its_memory(site: Site) -> None:
    """Only few bodies that are too large for the API are in memory; they are freed too."""
    large = request("/accounts/login/", "Content-Length: 1000000", method="POST") + b"x" * 1000
    for _ in range(3):
        for begin in (STALLED, large):
            with many(site.url, 40, begin):
                assert is_alive(site)
    assert is_alive(site)
    form = "username=alice&padding=" + "x" * 1_000_000
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = httpx.post(f"{site.url}/accounts/login/", content=form, headers=headers, timeout=30)
    assert answer.status_code == 403  # The form was read, but has no CSRF token.


def test_the_number_of_large_bodies_in_memory_is_limited(site: Site) -> None:
    large = request("/accounts/login/", "Content-Length: 1000000", method="POST") + b"x" * 1000
    with many(site.url, 17, large) as opened:
        refused, _, _ = select(opened, [], [], 10)  # The order in which they arrive is unknown.
        assert len(refused) == 1
        status, content = answered(refused[0])
        assert status == 503
        assert b"retry-after: " in content.lower()
        assert is_alive(site)
    assert refresh(site, site.login("alice"))


@pytest.mark.trap(91)
@pytest.mark.parametrize("attempts", [1, 3])
def test_http_2_is_refused_and_occupies_no_thread(site: Site, attempts: int) -> None:
    for _ in range(attempts):
        with connect(site.url) as connection:
            connection.sendall(unfinished_streams())
            _, content = answered(connection)
        assert not content.startswith(settings_frame()[:3])
    assert is_alive(site)
    assert refresh(site, site.login("alice"))


def unfinished_streams() -> bytes:
    """Return an HTTP/2 connection with four POST requests whose bodies never come (RFC 9113)."""
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + settings_frame()
    path, host = b"/api/auth/refresh/", b"localhost"
    # HPACK (RFC 7541): names and values of its static table by number, the rest as they are.
    block = b"\x83\x86" + b"\x04" + bytes([len(path)]) + path + b"\x01" + bytes([len(host)]) + host
    block += b"\x0f\x0d\x045000" + b"\x0f\x10\x10application/json"
    return preface + b"".join(frame(1, 0x4, stream, block) for stream in (1, 3, 5, 7))


def settings_frame() -> bytes:
    return frame(4, 0, 0, b"")


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


@pytest.mark.parametrize("size", [13, 1], ids=["in two pieces", "byte by byte"])
def test_a_body_can_arrive_in_parts(site: Site, size: int) -> None:
    body = b'{"refresh": "a"}'
    lines = (f"Content-Length: {len(body)}", "Content-Type: application/json")
    with connect(site.url) as connection:
        connection.sendall(request("/api/auth/refresh/", *lines, method="POST"))
        for start in range(0, len(body), size):
            time.sleep(0.02)
            connection.sendall(body[start : start + size])
        assert answered(connection)[0] == 401


def test_two_requests_on_one_connection_are_answered_in_turn(site: Site) -> None:
    pipelined = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n" + request("/readyz")
    _, content = ask(site.url, pipelined)
    assert content.index(b'"alive"') < content.index(b'"ready"')
