"""Clients that send a body which the site refuses receive the refusal."""

from collections.abc import Iterator
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

from tests.support.site import Site, latchkey

JSON = "application/json"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with latchkey(tmp_path_factory.mktemp("site")) as running:
        yield running


def post(site: Site, path: str, size: int, content_type: str = JSON) -> tuple[int, bytes]:
    """Send a body as most clients do: they read no response before they have sent all of it."""
    connection = HTTPConnection(urlsplit(site.url).netloc, timeout=30)
    try:
        connection.request("POST", path, b"x" * size, {"Content-Type": content_type})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


@pytest.mark.parametrize("size", [1_000_000, 2_000_000, 5_000_000])
def test_a_client_that_sends_too_much_receives_413(site: Site, size: int) -> None:
    for _ in range(20):
        status, content = post(site, "/api/auth/refresh/", size)
        assert (status, b"at most 65536 bytes" in content) == (413, True)


def test_a_client_that_sends_another_encoding_receives_400(site: Site) -> None:
    for _ in range(20):
        status, content = post(site, "/accounts/login/", 2_000_000, f"{JSON}; charset=utf-16")
        assert (status, b"Send the body in UTF-8." in content) == (400, True)
