"""Asking the issuer: one address, no redirect, and never more bytes or time than allowed."""

import re
import ssl
import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import httpx


@dataclass(frozen=True)
class Answer:
    """A body, and for how many seconds HTTP allows to keep it; None if it does not say."""

    body: bytes
    max_age: float | None


class Fetcher:
    """Fetches documents. It keeps no connection open, so that nobody has to close it."""

    def __init__(self, client: httpx.Client | None, timeout: float) -> None:
        self.client = client
        self.timeout = timeout
        self.context = ssl.create_default_context()  # once: it reads all authorities

    def fetch(self, url: str, *, accept: str, largest: int) -> Answer:
        """Return what is at the address; raise httpx.HTTPError or, for a bad answer, ValueError."""
        deadline = time.monotonic() + self.timeout
        # A packed answer could unpack to any size.
        headers = {"Accept": accept, "Accept-Encoding": "identity"}
        with (
            self._open() as client,
            client.stream(
                "GET", url, headers=headers, follow_redirects=False, timeout=self.timeout
            ) as answer,
        ):
            if answer.status_code != 200:
                raise ValueError(f"status {answer.status_code}")
            if answer.headers.get("Content-Encoding", "identity") != "identity":
                raise ValueError("packed, although that was not asked for")
            return Answer(self._read(answer, largest, deadline), max_age(answer.headers))

    def _open(self) -> AbstractContextManager[httpx.Client]:
        return nullcontext(self.client) if self.client else httpx.Client(verify=self.context)

    def _read(self, answer: httpx.Response, largest: int, deadline: float) -> bytes:
        body = bytearray()
        for chunk in answer.iter_raw():
            body += chunk
            if len(body) > largest:
                raise ValueError(f"more than {largest} bytes")
            if time.monotonic() > deadline:
                raise ValueError(f"not here within {self.timeout} s")
        return bytes(body)


def max_age(headers: httpx.Headers) -> float | None:
    """Return how long the answer is fresh (RFC 9111, section 4.2), None if nothing says so."""
    directives = headers.get("Cache-Control", "").lower().replace(" ", "").split(",")
    if {"no-store", "no-cache"} & {*directives}:
        return 0
    for directive in directives:
        if match := re.fullmatch(r'max-age="?([0-9]{1,9})"?', directive):
            age = headers.get("Age", "")
            return int(match[1]) - (int(age) if re.fullmatch("[0-9]{1,9}", age) else 0)
    return None
