"""Headers that affect security are unambiguous, or the request is refused."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from django.test import Client
from pytest_django import Settings

from project.serving.environ import build
from project.web.refusal import REFUSAL
from tests.support.connections import ask, request
from tests.support.site import PASSWORD, Site, latchkey

ADDRESS = "203.0.113.7"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site with throttles behind a proxy."""
    directory = tmp_path_factory.mktemp("site")
    with latchkey(directory, PROXIES="1", THROTTLES="on") as running:
        running.add_people("alice", "bob")
        yield running


@pytest.mark.parametrize("charset", ["zlib", "rot13", "undefined", "utf-16", "latin-1", ""])
def test_a_body_in_another_encoding_is_refused(site: Site, charset: str) -> None:
    """Django reads the query with the codec that the header names, before any middleware runs."""
    kind = f"Content-Type: multipart/form-data; boundary=x; charset={charset}"
    for target in ("/accounts/login/?next=%41", "/api/auth/csrf/?next=%41"):
        assert ask(site.url, request(target, kind))[0] == 400


@pytest.mark.parametrize("charset", ["utf-8", "UTF8", '"utf-8"', "utf-8 ; boundary=x"])
def test_a_body_in_utf_8_is_read(site: Site, charset: str) -> None:
    kind = f"Content-Type: application/json; charset={charset}"
    assert ask(site.url, request("/api/auth/csrf/?next=%41", kind))[0] == 200


def test_range_requests_receive_the_whole_file() -> None:
    """WhiteNoise would stream it in a thread, which a slow client would occupy."""
    assert "HTTP_RANGE" not in environ((b"range", b"bytes=1-"))


def environ(*headers: tuple[bytes, bytes], path: bytes = b"/") -> dict[str, Any]:
    """Return the environ of a request with these headers."""
    scope = {
        "method": "GET",
        "raw_path": path,
        "query_string": b"a=%20",
        "http_version": "1.1",
        "server": ("127.0.0.1", "8000"),
        "client": ("192.0.2.1", "1234"),
        "headers": headers,
    }
    return build(scope)


def test_the_environ_names_both_addresses_of_the_connection() -> None:
    told = environ()
    assert (told["SERVER_NAME"], told["SERVER_PORT"]) == ("127.0.0.1", "8000")
    assert told["REMOTE_ADDR"] == "192.0.2.1"


def test_an_unusable_charset_does_not_reach_django() -> None:
    for charset in ("zlib", "utf-16", "nowhere"):
        told = environ((b"content-type", b"text/plain; charset=" + charset.encode()))
        assert told[REFUSAL].status == 400
        assert "CONTENT_TYPE" not in told


@pytest.mark.django_db
def test_a_refusal_is_not_redirected_to_https(settings: Settings) -> None:
    settings.SECURE_SSL_REDIRECT = True
    for charset, status in (("utf-8", 301), ("utf-16", 400)):
        told = environ((b"content-type", b"text/plain; charset=" + charset.encode()))
        assert Client().get("/", **told).status_code == status


SINGLE = {
    "Host": "HTTP_HOST",
    "Content-Length": "CONTENT_LENGTH",
    "Content-Type": "CONTENT_TYPE",
    "Authorization": "HTTP_AUTHORIZATION",
    "Idempotency-Key": "HTTP_IDEMPOTENCY_KEY",
    "X-CSRFToken": "HTTP_X_CSRFTOKEN",
    "X-Forwarded-Proto": "HTTP_X_FORWARDED_PROTO",
    "Origin": "HTTP_ORIGIN",
    "Referer": "HTTP_REFERER",
}
DECIDING = {**SINGLE, "X-Forwarded-For": "HTTP_X_FORWARDED_FOR", "Cookie": "HTTP_COOKIE"}


@pytest.mark.trap(94)
@pytest.mark.parametrize(("name", "variable"), DECIDING.items(), ids=DECIDING)
def test_a_header_name_with_underscores_is_ignored(name: str, variable: str) -> None:
    spelt = name.lower().encode()
    right, wrong = (spelt, b"right"), (spelt.replace(b"-", b"_"), b"wrong")
    if right[0] == wrong[0]:
        wrong = (b"http_" + spelt, b"wrong")
    for headers in ([right, wrong], [wrong, right]):
        assert environ(*headers)[variable] == "right"
    assert variable not in environ(wrong)
    assert "wrong" not in environ(wrong).values()


@pytest.mark.trap(94)
@pytest.mark.parametrize(("name", "variable"), SINGLE.items(), ids=SINGLE)
def test_a_duplicate_security_header_is_refused(name: str, variable: str) -> None:
    spelt = name.lower().encode()
    told = environ((spelt, b"a"), (b"accept", b"*/*"), (spelt, b"b"))
    assert told[REFUSAL].status == 400
    assert variable not in told
    assert REFUSAL not in environ((spelt, b"a"), (b"accept", b"*/*"))


def test_lines_of_one_header_are_joined_in_order() -> None:
    told = environ(
        (b"x-forwarded-for", b"1.1.1.1"),
        (b"cookie", b"a=1"),
        (b"x-forwarded-for", b"2.2.2.2, 3.3.3.3"),
        (b"cookie", b"b=2"),
    )
    assert told["HTTP_X_FORWARDED_FOR"] == "1.1.1.1,2.2.2.2, 3.3.3.3"
    assert told["HTTP_COOKIE"] == "a=1; b=2"


@pytest.mark.parametrize(
    ("path", "told"),
    [(b"/a%20b", "/a b"), (b"/%C3%A9", "/\xc3\xa9"), (b"/%ff", "/\xff"), (b"/a%2Fb", "/a/b")],
)
def test_a_path_is_passed_on_byte_by_byte(path: bytes, told: str) -> None:
    assert environ(path=path)["PATH_INFO"] == told
    assert environ(path=path)["QUERY_STRING"] == "a=%20"


def test_unknown_header_names_do_not_fill_the_memory() -> None:
    from project.serving import environ as module  # noqa: PLC0415  (the function hides its name)

    for number in range(2 * module.MAX_NAMES):
        assert environ((b"x-%d" % number, b"1"))[f"HTTP_X_{number}"] == "1"
    assert len(module._variables) <= module.MAX_NAMES


@pytest.mark.trap(94)
@pytest.mark.parametrize("name", [name for name in SINGLE if name != "Content-Length"])
@pytest.mark.parametrize("target", ["/", "/api/auth/csrf/", "/healthz"])
def test_the_server_refuses_a_header_sent_twice(site: Site, name: str, target: str) -> None:
    value = "localhost" if name == "Host" else "https"
    twice = [f"{name}: {value}"] * (1 if name == "Host" else 2)
    status, content = ask(site.url, request(target, *twice))
    assert status == 400
    assert b"A header was sent twice." in content
    assert b'"bad_request"' in content or target != "/api/auth/csrf/"


@pytest.mark.trap(94)
@pytest.mark.parametrize(
    "lines",
    [
        ["Content-Length: 2", "Content-Length: 2"],
        ["Content-Length: 2", "Content-Length: 3"],
        ["Content-Length: 2", "Transfer-Encoding: chunked"],
        ["Transfer-Encoding: chunked"],
        ["Transfer-Encoding: gzip, chunked"],
        ["Transfer-Encoding: gzip"],
        ["Content-Length: +2"],
        ["Content-Length: 2, 2"],
        ["Content-Length: x"],
        ["Content-Length: -1"],
    ],
    ids=str,
)
def test_a_body_whose_length_is_unclear_is_refused(site: Site, lines: list[str]) -> None:
    kind = "Content-Type: application/json"
    head = request("/api/auth/logout/", kind, *lines, method="POST")
    status, _ = ask(site.url, head + b"2\r\n{}\r\n0\r\n\r\n")
    assert status in (400, 411)


@pytest.mark.trap(46)
@pytest.mark.trap(94)
def test_a_guesser_cannot_change_the_counted_address(site: Site) -> None:
    """Such a proxy appends the address to one header name and passes on the other."""
    body = {"username": "alice", "password": "wrong"}
    statuses = []
    for number in range(11):
        made_up = f"198.51.100.{number}"
        headers = {"X_Forwarded_For": made_up, "X-Forwarded-For": f"{made_up}, {ADDRESS}:5123"}
        answer = httpx.post(f"{site.url}/api/auth/login/", json=body, headers=headers, timeout=30)
        statuses.append(answer.status_code)
    assert statuses == [401] * 10 + [429]


@pytest.mark.trap(94)
def test_a_csrf_token_in_another_header_is_ignored(site: Site) -> None:
    with httpx.Client(base_url=site.url, timeout=30) as browser:
        token = browser.get("/api/auth/csrf/").json()["csrfToken"]
        body = {"username": "bob", "password": PASSWORD, "transport": "cookie"}
        for name, status in (("X_CSRFToken", 403), ("X-CSRFToken", 200)):
            headers = {name: token, "Origin": site.url}
            answer = browser.post("/api/auth/login/", json=body, headers=headers)
            assert answer.status_code == status, answer.text


@pytest.mark.trap(31)
def test_another_programs_non_ascii_cookie_is_harmless(site: Site) -> None:
    """Browsers send such cookies. A server that drops the line would refuse every sign-in."""
    with httpx.Client(base_url=site.url, timeout=30) as browser:
        answer = browser.get("/api/auth/csrf/")
        token, cookie = answer.json()["csrfToken"], answer.cookies["api-csrftoken"]
        body = {"username": "bob", "password": PASSWORD, "transport": "cookie"}
        strange = "name=B\xe4r; other=\xfe\xff".encode("latin-1")
        browser.cookies.clear()
        headers = {
            b"Cookie": strange + b"; api-csrftoken=" + cookie.encode(),
            b"X-CSRFToken": token.encode(),
            b"Origin": site.url.encode(),
        }
        answer = browser.post("/api/auth/login/", json=body, headers=headers)
        assert answer.status_code == 200, answer.text


def test_a_request_without_a_host_is_refused(site: Site) -> None:
    assert ask(site.url, b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")[0] == 400
    assert ask(site.url, b"GET /healthz HTTP/1.0\r\n\r\n")[0] == 200
