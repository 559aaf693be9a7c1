"""The page that shows the API to people is made of files of ours."""

import re

import pytest
from django.test import Client

from tests.conftest import Answer

pytestmark = pytest.mark.django_db  # a file that is closed looks at the connection


def fetched(client: Client, address: str) -> str:
    """Return the file at the address, which must be there."""
    answer: Answer = client.get(address)
    assert answer.status_code == 200, address
    text = b"".join(answer.streaming_content) if answer.streaming else answer.content
    answer.close()
    return text.decode("latin-1")


def test_the_page_is_there_and_loads_only_what_is_served_here(client: Client) -> None:
    page = client.get("/api/docs/")
    assert page.status_code == 200
    loaded = re.findall(r'(?:src|href|data-schema)="([^"]+)"', page.content.decode())
    assert len(loaded) == 7
    for address in loaded:
        assert re.match(r"/(?!/)", address), address
        assert fetched(client, address)


def test_the_browser_is_told_to_load_nothing_from_elsewhere(client: Client) -> None:
    policy = client.get("/api/docs/")["Content-Security-Policy"].split("; ")
    assert {"default-src 'none'", "script-src 'self'", "style-src 'self'"} <= {*policy}
    assert "img-src 'self' data:" in policy
    assert not [directive for directive in policy if "http" in directive or "unsafe" in directive]


def test_the_page_asks_no_validator_elsewhere(client: Client) -> None:
    assert "validatorUrl: null" in fetched(client, "/static/docs.js")


@pytest.mark.parametrize("path", ["/api/docs/", "/api/schema/"])
def test_the_page_and_the_document_can_only_be_read(client: Client, path: str) -> None:
    assert client.post(path).status_code == 405
    assert client.get(path, {"lang": "\n", "version": "\n"}).status_code == 200
