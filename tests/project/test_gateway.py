"""The gateway between granian and the site, run by a server with another application."""

import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.support.connections import ask, connect, many, request
from tests.support.servers import Server, free_port, serve, wait_until
from tests.support.site import ROOT


@pytest.fixture(params=[1, 3])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    port = free_port()
    command = [sys.executable, "-m", "tests.project.gateway_site", str(port), str(request.param)]
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "project.settings"}
    with serve(
        command, f"http://127.0.0.1:{port}", environment, log=tmp_path / "log", cwd=ROOT
    ) as running:
        yield running


def get(server: Server, path: str) -> httpx.Response:
    return httpx.get(f"{server.url}{path}", timeout=20)


def test_every_kind_of_response_arrives(server: Server) -> None:
    assert get(server, "/pieces/3/1000").content == b"x" * 3000
    assert get(server, "/pieces/0/1").content == b""
    assert get(server, "/pieces/400/65536").content == b"x" * 65536 * 400
    assert httpx.head(f"{server.url}/pieces/3/1000").content == b""
    empty = get(server, "/empty")
    assert (empty.status_code, empty.content) == (204, b"")
    assert get(server, "/old").status_code == 304
    answer = httpx.post(f"{server.url}/echo", content=b"y" * 2_000_000, timeout=20)
    assert answer.content == b"y" * 2_000_000
    assert get(server, "/log").text.split() == ["closed"] * 8


def test_an_application_that_fails_answers_500(server: Server) -> None:
    for _ in range(5):
        assert get(server, "/fails").status_code == 500
    assert get(server, "/log").status_code == 200


UNREAD = ("Content-Length: 10000001", "Transfer-Encoding: chunked")


@pytest.mark.parametrize("line", UNREAD)
def test_an_answer_to_an_unread_body_announces_that_the_connection_closes(
    server: Server, line: str
) -> None:
    head = f"POST /api/ HTTP/1.1\r\nHost: localhost\r\n{line}\r\n\r\n"
    _, content = ask(server.url, head.encode())
    assert content.lower().count(b"connection: close\r\n") == 1


def test_the_probe_answers_while_every_thread_waits(server: Server) -> None:
    get(server, "/forget")
    with ThreadPoolExecutor(6) as clients:
        for _ in range(6):
            clients.submit(get, server, "/waits")
        time.sleep(1)
        assert get(server, "/healthz").status_code == 200
    found = get(server, "/log").text
    assert found.count("released") == 6
    assert "not released" not in found


def test_a_body_that_is_too_long_is_read_and_discarded(server: Server) -> None:
    with httpx.Client(timeout=20) as client:
        for _ in range(2):
            answer = client.post(f"{server.url}/echo", content=b"x" * 9_000_000)
            assert (answer.content, "connection" in answer.headers) == (b"", False)


def test_an_answer_to_a_body_that_was_read_keeps_the_connection(server: Server) -> None:
    with httpx.Client() as client:
        for _ in range(2):
            answer = client.post(f"{server.url}/api/", content=b"x" * 60_000)
            assert (answer.status_code, "connection" in answer.headers) == (200, False)


def test_a_disconnected_client_ends_the_response(server: Server) -> None:
    """With one thread, the next request is answered only after that."""
    for _ in range(3):
        with connect(server.url) as connection:
            connection.sendall(request("/pieces/1000000000/1000"))
            assert connection.recv(100)
        assert get(server, "/log").text.split()[-1] == "closed"


@pytest.mark.parametrize("server", [3], indirect=True)
def test_clients_that_read_nothing_leave_one_thread_free(server: Server) -> None:
    with many(server.url, 2, request("/pieces/1000000/65536")):
        time.sleep(0.5)
        status, content = ask(server.url, request("/pieces/3/1000"))
        assert status == 503
        assert content.endswith(b"refused pieces31000")  # the id that the first line of the log has
        began = time.monotonic()
        assert get(server, "/log").text.endswith("closed closed")  # the stream and its refusal
        assert time.monotonic() - began < 2
    wait_until(lambda: get(server, "/pieces/3/1000").status_code == 200, seconds=10)


def test_open_requests_are_finished_before_the_stop(server: Server) -> None:
    with ThreadPoolExecutor(2) as clients:
        answers = [clients.submit(get, server, "/slow") for _ in range(2)]
        time.sleep(0.7)
        server.process.terminate()
        assert {answer.result().text for answer in answers} == {"done"}
    wait_until(lambda: server.process.poll() is not None, seconds=15)
    assert ask_refused(server)


def ask_refused(server: Server) -> bool:
    try:
        ask(server.url, request("/"))
    except ConnectionRefusedError:
        return True
    return False
