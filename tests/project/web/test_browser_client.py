"""Pages of every origin can import the browser client from the site."""

import pytest
from django.test import Client

from tests.support.site import ROOT

URL = "/clients/latchkey.js"


@pytest.mark.parametrize("origin", ["https://app.example.org", "null", ""])
def test_every_origin_can_import_the_module(client: Client, origin: str) -> None:
    answer = client.get(URL, headers={"Origin": origin} if origin else {})
    assert answer.status_code == 200
    assert answer.content == (ROOT / "clients" / "browser" / "latchkey.js").read_bytes()
    assert answer["Content-Type"] == "text/javascript; charset=utf-8"
    assert answer["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in answer
    assert answer["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert answer["X-Content-Type-Options"] == "nosniff"


def test_browsers_keep_the_module_for_an_hour(client: Client) -> None:
    answer = client.get(URL)
    assert answer["Cache-Control"] == "public, max-age=3600"
    assert not answer.cookies
    assert "Cookie" not in answer.get("Vary", "")
    known = client.get(URL, headers={"If-None-Match": answer["ETag"]})
    assert (known.status_code, known.content) == (304, b"")
    assert known["Access-Control-Allow-Origin"] == "*"


def test_the_module_is_sent_compressed(client: Client) -> None:
    answer = client.get(URL, headers={"Accept-Encoding": "gzip"})
    assert answer["Content-Encoding"] == "gzip"
    assert len(answer.content) < 8_000


@pytest.mark.spec("RFC 9110", "15.4.5")
@pytest.mark.parametrize("encoding", ["gzip", "identity"])
def test_a_304_has_the_headers_of_the_200(client: Client, encoding: str) -> None:
    headers = {"Accept-Encoding": encoding, "Origin": "https://app.example.org"}
    answer = client.get(URL, headers=headers)
    known = client.get(URL, headers={**headers, "If-None-Match": answer["ETag"]})
    assert (answer.status_code, known.status_code) == (200, 304)
    assert "Accept-Encoding" in answer["Vary"]
    for name in ("Vary", "ETag", "Cache-Control", "Access-Control-Allow-Origin"):
        assert known[name] == answer[name]


def test_the_module_is_read_only(client: Client) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert client.generic(method, URL).status_code == 405
