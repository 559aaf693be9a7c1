"""Fetch a document from the issuer without redirects, within limits of size and time."""

import re
import ssl
import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import httpx


@dataclass(frozen=True)
class Answer:
    """A response body, and its lifetime in seconds by its HTTP headers, or None."""

    body: bytes
    max_age: float | None


class Fetcher:
    """Fetches documents. It keeps no connections open, so it needs no `close` method."""

    def __init__(self, client: httpx.Client | None, timeout: float) -> None:
        self.client = client
        self.timeout = timeout
        self.context = ssl.create_default_context()  # reused, because it reads all certificates

    def fetch(self, url: str, *, accept: str, largest: int) -> Answer:
        """Return the document at the URL.

        Raises httpx.HTTPError if the request fails, and ValueError if the response is not
        acceptable.
        """
        deadline = time.monotonic() + self.timeout
        # A compressed response could grow to any size.
        headers = {"Accept": accept, "Accept-Encoding": "identity"}
        with (
            self._open() as client,
            client.stream(
                "GET", url, headers=headers, follow_redirects=False, timeout=self.timeout
            ) as response,
        ):
            if response.status_code != 200:
                raise ValueError(f"status {response.status_code}")
            if response.headers.get("Content-Encoding", "identity") != "identity":
                raise ValueError("packed, although that was not asked for")
            return Answer(self._read(response, largest, deadline), max_age(response.headers))

    def _open(self) -> AbstractContextManager[httpx.Client]:
        return nullcontext(self.client) if self.client else httpx.Client(verify=self.context)

    def _read(self, response: httpx.Response, largest: int, deadline: float) -> bytes:
        body = bytearray()
        for chunk in response.iter_raw():
            body += chunk
            if len(body) > largest:
                raise ValueError(f"more than {largest} bytes")
            if time.monotonic() > deadline:
                raise ValueError(f"not here within {self.timeout} s")
        return bytes(body)


def max_age(headers: httpx.Headers) -> float | None:
    """Return the freshness lifetime in seconds (RFC 9111, section 4.2), or None if not stated."""
    directives = headers.get("Cache-Control", "").lower().replace(" ", "").split(",")
    if {"no-store", "no-cache"} & {*directives}:
        return 0
    for directive in directives:
        if match := re.fullmatch(r'max-age="?([0-9]{1,9})"?', directive):
            age = headers.get("Age", "")
            return int(match[1]) - (int(age) if re.fullmatch("[0-9]{1,9}", age) else 0)
    return None
