"""The site works behind nginx and Caddy, with the examples of deploy/ as they are."""

import json
import signal
import ssl
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from socket import create_connection
from threading import Event

import httpx
import pytest

from tests.project.conftest import comes_true
from tests.project.deploy.proxies import Proxied, caddy, nginx, proxied
from tests.project.serving.test_restart import events
from tests.support.connections import answered, request
from tests.support.site import PASSWORD

pytestmark = [pytest.mark.slow, pytest.mark.once]

BODY = json.dumps({"username": "alice", "password": PASSWORD}).encode()
LOGIN = request(
    "/api/auth/login/",
    "Content-Type: application/json",
    f"Content-Length: {len(BODY)}",
    method="POST",
    host="localhost",
)


@pytest.fixture(scope="module", params=[nginx, caddy], ids=["nginx", "caddy"])
def proxy(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Proxied]:
    with proxied(tmp_path_factory.mktemp("proxy"), request.param) as running:
        yield running


def connect(proxy: Proxied) -> ssl.SSLSocket:
    connection = create_connection(("127.0.0.1", proxy.ports.https), timeout=40)
    return proxy.certificate.trust.wrap_socket(connection, server_hostname="localhost")


def site_log(proxy: Proxied) -> list[dict[str, object]]:
    return events(proxy.log.with_name("log"), "request")


def test_people_and_programs_sign_in_over_https(proxy: Proxied) -> None:
    with proxy.client() as client:
        pair = proxy.login(client)
        answer = client.post("/api/auth/refresh/", json={"refresh": pair["refresh"]})
        assert answer.status_code == 200
        body = {"username": "alice", "password": PASSWORD, "transport": "cookie"}
        token = client.get("/api/auth/csrf/").json()["csrfToken"]
        headers = {"X-CSRFToken": token, "Origin": proxy.url}
        assert client.post("/api/auth/login/", json=body, headers=headers).status_code == 200
        assert {"__Host-access", "__Host-refresh"} <= {*client.cookies}
        page = client.get("/accounts/login/")
        assert page.status_code == 200
        assert "max-age=31536000" in page.headers["Strict-Transport-Security"]


def test_a_page_over_http_is_redirected_to_https(proxy: Proxied) -> None:
    answer = httpx.get(f"http://localhost:{proxy.ports.http}/tokens/")
    assert answer.status_code in (301, 308)
    assert answer.headers["Location"].startswith("https://localhost")


@pytest.mark.spec("ASVS 5.0", "4.1.2")
@pytest.mark.parametrize("path", ["/api/auth/login/", "/oauth/token"])
def test_a_call_over_http_is_refused(proxy: Proxied, path: str) -> None:
    answer = httpx.post(f"http://localhost:{proxy.ports.http}{path}")
    assert (answer.status_code, answer.json()["code"]) == (403, "https_required")


@pytest.mark.parametrize("forged", ["", "203.0.113.9", "203.0.113.9, 198.51.100.7"])
def test_the_address_of_the_client_is_counted_once(proxy: Proxied, forged: str) -> None:
    with proxy.client() as client:
        headers = {"X-Forwarded-For": forged, "X-Forwarded-Proto": "http"} if forged else {}
        pair = proxy.login(client, **headers)
        headers = {"Authorization": f"Bearer {pair['access']}"}
        found = client.get("/api/auth/sessions/", headers=headers).json()
    assert [one["ip_address"] for one in found if one["current"]] == ["127.0.0.2"]


def test_one_id_finds_a_request_in_both_logs_and_the_answer(proxy: Proxied) -> None:
    with proxy.client() as client:
        answer = client.get("/tokens/", headers={"X-Request-ID": "chosen-by-the-client"})
    ident = answer.headers["X-Request-ID"]
    assert len(ident) >= 32

    def routes() -> list[object]:
        return [line["route"] for line in site_log(proxy) if line["request_id"] == ident]

    assert comes_true(lambda: routes() == ["/tokens/"])
    assert comes_true(lambda: ident in proxy.log.read_text())
    assert "chosen-by-the-client" not in proxy.log.read_text()


def test_the_log_of_the_proxy_has_no_secrets(proxy: Proxied) -> None:
    with proxy.client() as client:
        headers = {"Authorization": "Bearer a-secret-token", "Cookie": "a=a-secret-cookie"}
        link = "/accounts/password/choose/?token=a-secret-link"
        ident = client.get(link, headers=headers).headers["X-Request-ID"]
    assert comes_true(lambda: ident in proxy.log.read_text())
    assert "/accounts/password/choose/" in proxy.log.read_text()
    assert "a-secret" not in proxy.log.read_text()


def test_a_chunked_body_is_buffered_by_nginx_only(proxy: Proxied) -> None:
    """The site refuses a chunked body, which Caddy passes on as it is."""
    with proxy.client() as client:
        pieces = (bytes([byte]) for byte in BODY)
        headers = {"Content-Type": "application/json"}
        answer = client.post("/api/auth/login/", content=pieces, headers=headers)
    assert answer.status_code == {"nginx": 200, "caddy": 411}[proxy.name], answer.text


def test_a_body_that_is_too_long_is_refused(proxy: Proxied) -> None:
    """Caddy 2.6 answers 502 if it notices the length while it sends the body to the site."""
    with proxy.client() as client:
        answer = client.post("/api/auth/refresh/", json={"refresh": "x" * 70_000})
    assert answer.status_code in {"nginx": [413], "caddy": [413, 502]}[proxy.name]


def test_slow_clients_do_not_disturb_others(proxy: Proxied) -> None:
    """The proxy closes their connections. Caddy may send the head of an answer without content."""
    before = len(site_log(proxy))
    with ExitStack() as stack:
        stalled = [stack.enter_context(connect(proxy)) for _ in range(40)]
        for number, connection in enumerate(stalled):
            connection.sendall(LOGIN + BODY[:5] if number % 2 else LOGIN[:30])
        began = time.monotonic()
        with connect(proxy) as slow:
            slow.sendall(LOGIN)
            for byte in BODY:
                time.sleep(0.02)
                slow.sendall(bytes([byte]))
            assert answered(slow)[0] == 200
        assert comes_true(lambda: len(site_log(proxy)) == before + 1)
        answers = [answered(connection) for connection in stalled]
        assert time.monotonic() - began < 30
    assert {status for status, _ in answers} <= {0, 200, 400, 408}
    assert not any(b"access" in content for _, content in answers)


def test_no_request_through_the_proxy_fails_in_a_restart(proxy: Proxied) -> None:
    log, stopped = proxy.log.with_name("log"), Event()

    def refresh(pause: float) -> int:
        count = 0
        with proxy.client() as client:
            pair = proxy.login(client)
            while not stopped.wait(pause):
                answer = client.post("/api/auth/refresh/", json={"refresh": pair["refresh"]})
                assert answer.status_code == 200, answer.text
                pair, count = answer.json(), count + 1
        return count

    with ThreadPoolExecutor(4) as threads:
        running = [threads.submit(refresh, pause) for pause in (1.1, 1.2, 2.0, 4.9)]
        try:
            proxy.site.process.send_signal(signal.SIGHUP)
            assert comes_true(lambda: bool(events(log, "restarted")))
            time.sleep(12)
        finally:
            stopped.set()
        counts = [future.result() for future in running]
    assert min(counts) >= 2
