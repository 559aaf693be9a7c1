"""The API documentation page uses only files of this site."""

import re

import pytest
from django.test import Client

from tests.conftest import Answer

pytestmark = pytest.mark.django_db  # a file that is closed looks at the connection


def fetched(client: Client, address: str) -> str:
    """Return the file at this URL, which must exist."""
    answer: Answer = client.get(address)
    assert answer.status_code == 200, address
    text = b"".join(answer.streaming_content) if answer.streaming else answer.content
    answer.close()
    return text.decode("latin-1")


def test_the_page_loads_only_files_of_the_site(client: Client) -> None:
    page = client.get("/api/docs/")
    assert page.status_code == 200
    loaded = re.findall(r'(?:src|href|data-schema)="([^"#]+)"', page.content.decode())
    assert len(loaded) == 14
    assert '"/clients/latchkey.js"' in fetched(client, "/static/docs.js")
    for address in loaded:
        assert re.match(r"/(?!/)", address), address
        assert fetched(client, address)


def test_the_policy_forbids_files_of_other_origins(client: Client) -> None:
    policy = client.get("/api/docs/")["Content-Security-Policy"].split("; ")
    assert {"default-src 'none'", "script-src 'self'", "style-src 'self'"} <= {*policy}
    assert "img-src 'self' data:" in policy
    assert not [directive for directive in policy if "http" in directive or "unsafe" in directive]


def test_the_page_uses_no_external_validator(client: Client) -> None:
    assert "validatorUrl: null" in fetched(client, "/static/docs.js")


@pytest.mark.parametrize("path", ["/api/docs/", "/api/schema/"])
def test_the_page_and_the_document_are_read_only(client: Client, path: str) -> None:
    assert client.post(path).status_code == 405
    assert client.get(path, {"lang": "\n", "version": "\n"}).status_code == 200
