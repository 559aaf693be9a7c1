"""The conformance program plays the site correctly, and finds the faults of clients."""

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

from tests.clients.conftest import install_wheel
from tests.support.chromium import executable
from tests.support.processes import issuer
from tests.support.site import ROOT

DRIVERS = ROOT / "clients" / "conformance" / "drivers"
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


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build and install the program's wheel, and return its directory."""
    return install_wheel(tmp_path_factory, "conformance")


@pytest.fixture(scope="session")
def python_client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build and install the Python client's wheel, and return its directory."""
    return install_wheel(tmp_path_factory, "python")


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


@dataclass(frozen=True)
class Report:
    """What the program printed, and its exit status."""

    status: int
    text: str

    def outcomes(self) -> dict[str, str]:
        """Return the outcome of each case by its sentence."""
        rows = re.findall(r"^(holds|BROKEN|-) +\d+\.\d s  (.*)$", self.text, re.MULTILINE)
        return {sentence: outcome for outcome, sentence in rows}


def play(program: Path, driver: str, only: str = "", *, python_path: str = "") -> Report:
    """Run the program against one of the drivers."""
    options = ["--only", only] if only else []
    return run(program, [*options, "--", sys.executable, str(DRIVERS / driver)], python_path)


def run(program: Path, arguments: list[str], python_path: str = "") -> Report:
    environment = {**os.environ, "PYTHONPATH": f"{program}:{python_path}"}
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    done = subprocess.run(
        [sys.executable, "-m", "latchkey_conformance", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=590,
        check=False,
    )
    return Report(done.returncode, done.stdout + done.stderr)


@pytest.mark.slow
def test_a_naive_client_of_ten_lines_fails(program: Path) -> None:
    for guarantee in ("refresh together", "lost answer", "thief"):
        report = play(program, "naive.py", guarantee)
        assert report.status == 1, report.text
        assert "BROKEN" in report.outcomes().values()
    assert "The thief receives the client's successor." in report.text


@pytest.mark.slow
@pytest.mark.parametrize(
    "guarantee", ["refresh together", "lost answer", "a kill", "busy", "final", "thief"]
)
def test_the_python_client_keeps_every_guarantee(
    program: Path, python_client: Path, guarantee: str
) -> None:
    report = play(program, "python_client.py", guarantee, python_path=str(python_client))
    assert report.status == 0, report.text
    assert {*report.outcomes().values()} == {"holds"}


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "guarantee",
    [
        pytest.param("lost answer", marks=pytest.mark.slow),
        pytest.param("thief", marks=pytest.mark.slow),
        *(
            pytest.param(guarantee, marks=pytest.mark.soak)
            for guarantee in ("refresh together", "a kill", "busy", "final")
        ),
    ],
)
def test_the_browser_client_keeps_every_guarantee(program: Path, guarantee: str) -> None:
    try:
        executable()
    except FileNotFoundError as error:
        pytest.skip(str(error))
    report = play(program, "browser_client.py", guarantee)
    assert report.status == 0, report.text
    assert "holds" in report.outcomes().values()


#: A fault of clients/conformance/tests/faulty_client.py, and the case that finds it.
FAULTS = {
    "401 without a code": "401 with a page",
    "403": "403",
    "409": "409",
    "429": "429 with Retry-After: 2",
    "502": "502",
    "503": "503",
    "a_lost_answer_ends_the_session": "The answer is lost",
    "a_refused_token_comes_again": "ended in the list",
    "a_sign_out_is_not_sent": "After a sign-out, no call",
    "a_sign_out_keeps_the_token": "contains no token",
    "an_unreadable_answer_ends_the_session": "captive",
    "another_key_at_each_try": "One token",
    "answers_are_stored_after_a_sign_out": "during a refresh",
    "calls_are_not_repeated": "A write",
    "no_key": "follows each",
    "no_pause": "503",
    "one_key_for_all": "One token",
    "the_claim_exp_decides": "hour behind",
    "the_local_clock_decides": "Calls with a valid",
    "the_secret_is_not_stored": "killed before the answer",
}


@pytest.mark.slow
@pytest.mark.parametrize(("fault", "case"), FAULTS.items(), ids=FAULTS)
def test_the_program_finds_a_fault(
    program: Path, python_client: Path, fault: str, case: str
) -> None:
    client = ROOT / "clients" / "conformance" / "tests" / "faulty_client.py"
    report = run(
        program, ["--only", case, "--", sys.executable, str(client), fault], str(python_client)
    )
    assert report.status == 1, report.text
    assert {*report.outcomes().values()} == {"BROKEN"}


def test_a_command_that_does_not_speak_is_reported(program: Path) -> None:
    for code in ("", "print('hello')", "print('{}')", "import sys; sys.exit('no')"):
        report = run(program, ["--only", "409", "--", sys.executable, "-c", code])
        assert report.status == 2, report.text


def test_the_cases_are_listed(program: Path) -> None:
    report = run(program, ["--list"])
    assert report.status == 0
    assert len(report.text.splitlines()) > 40
    assert run(program, ["--only", "nonsense", "--", "true"]).status == 2
