"""The conformance program's site and the real site answer as docs/clients.md says."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.processes import issuer
from tests.support.site import ROOT

GUIDE = (ROOT / "docs" / "clients.md").read_text()
ROW = re.compile(
    r"\| ([^|]+) \| `(GET|POST) (\S+)`(?: `([^`]*)`)? \| (?:`([^`]*)`)? ?\| (\d+)(?: `([^`]*)`)?"
    r"(?:, `WWW-Authenticate: ([^`]*)`)? \|"
)
NAME = re.compile(r"\b([ARKS]\d)\b")


@dataclass(frozen=True)
class Exchange:
    """A row of the table in docs/clients.md."""

    case: str
    method: str
    path: str
    body: str
    header: str
    status: int
    fields: str
    challenge: str


def exchanges() -> list[Exchange]:
    """Return the rows of the guide's last table, in order."""
    rows = GUIDE.partition("### The requests and the answers")[2].partition("\n##")[0]
    lines = [line for line in rows.splitlines() if line.startswith("|")][2:]
    found = [ROW.fullmatch(line) for line in lines]
    assert None not in found, lines[found.index(None)]
    return [exchange(match) for match in found if match]


def exchange(row: re.Match[str]) -> Exchange:
    case, method, path, body, header, status, fields, challenge = row.groups(default="")
    return Exchange(case, method, path, body, header, int(status), fields, challenge)


class Talk:
    """Sends the requests, and remembers the tokens by their names."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.values: dict[str, str] = {f"K{n}": f"{n}" * 20 for n in range(10)}

    def said(self, text: str) -> str:
        return NAME.sub(lambda match: self.values[match[1]], text)

    def run(self, exchange: Exchange) -> None:
        """Send the request, and compare the answer with the guide."""
        name, _, value = self.said(exchange.header).partition(": ")
        headers = {name: value} if name else {}
        if exchange.body:
            headers["Content-Type"] = "application/json"
        url, content = f"{self.url}{exchange.path}", self.said(exchange.body)
        answer = httpx.request(
            exchange.method, url, content=content or None, headers=headers, timeout=30
        )
        assert answer.status_code == exchange.status, (exchange.case, answer.text)
        if exchange.challenge:
            assert answer.headers["WWW-Authenticate"] == exchange.challenge, exchange.case
        assert answer.headers["Cache-Control"] == "no-store", exchange.case
        for field, expected in json.loads(exchange.fields or "{}").items():
            self.compare(exchange.case, expected, answer.json()[field])

    def compare(self, case: str, expected: Any, found: Any) -> None:
        if isinstance(expected, str) and NAME.fullmatch(expected):
            assert self.values.setdefault(expected, found) == found, case
            others = [value for name, value in self.values.items() if name != expected]
            assert found not in others, case
        else:
            assert found == expected, case


SERVE = """
import sys
from latchkey_conformance.server import Server
server = Server()
print(server.site.url, flush=True)
sys.stdin.read()
server.close()
"""


@pytest.fixture
def pretended(program: Path) -> Iterator[str]:
    """Serve the program's site, and return its URL."""
    environment = {**os.environ, "PYTHONPATH": str(program)}
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout
        yield process.stdout.readline().strip()
        assert process.stdin
        process.stdin.close()
        assert process.wait(timeout=10) == 0


def test_the_guide_has_every_kind_of_request() -> None:
    rows = exchanges()
    assert len(rows) == 23
    assert {row.status for row in rows} == {200, 204, 400, 401, 409}


@pytest.mark.spec("RFC 9700", "4.14.2")
@pytest.mark.slow
def test_the_site_answers_as_the_guide_says(tmp_path: Path) -> None:
    with issuer(tmp_path) as site:
        talk = Talk(site.url)
        for exchange in exchanges():
            talk.run(exchange)


def test_the_program_answers_as_the_guide_says(pretended: str) -> None:
    talk = Talk(pretended)
    for exchange in exchanges():
        talk.run(exchange)
