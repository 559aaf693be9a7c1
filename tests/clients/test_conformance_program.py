"""The conformance program finds the faults of clients, and ends what it has started."""

import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.chromium import executable
from tests.support.servers import runs, wait_until
from tests.support.site import ROOT

DRIVERS = ROOT / "clients" / "conformance" / "drivers"


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


#: A client that writes its process id to a file, greets and never answers.
MUTE = """
import os, sys, time
with open(sys.argv[1], "a") as file:
    print(os.getpid(), file=file)
print(sys.argv[2], flush=True)
time.sleep(600)
"""
HELLO = '{"calls": ["sign_in", "call", "sign_out"], "store": "memory"}'


@pytest.mark.slow
@pytest.mark.parametrize(("hello", "status"), [(HELLO, 130), ("{}", 2)], ids=["Ctrl-C", "wrong"])
def test_no_client_is_left_running(program: Path, tmp_path: Path, hello: str, status: int) -> None:
    """Four cases run at a time, and each has a client that would run for minutes."""
    started = tmp_path / "started"
    client = [sys.executable, "-c", MUTE, str(started), hello]
    process = subprocess.Popen(
        [sys.executable, "-m", "latchkey_conformance", "--jobs", "4", "--", *client],
        env={**os.environ, "PYTHONPATH": str(program), "TMPDIR": str(tmp_path)},
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    with process:
        if hello == HELLO:
            wait_until(lambda: len(ids_in(started)) == 4, seconds=20)
            process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == status
    assert [pid for pid in ids_in(started) if runs(pid)] == []
    assert [*tmp_path.iterdir()] == [started]


def ids_in(file: Path) -> list[int]:
    return [int(line) for line in file.read_text().splitlines()] if file.exists() else []


@pytest.mark.slow
def test_cases_run_at_the_same_time_and_are_reported_in_order(
    program: Path, python_client: Path
) -> None:
    """Each of these cases waits until the age of an access token is a quarter of its life."""
    began = time.monotonic()
    report = play(program, "python_client.py", "lost", python_path=str(python_client))
    took = time.monotonic() - began
    seconds = [float(found) for found in re.findall(r" (\d+\.\d) s ", report.text)]
    assert len(seconds) >= 4
    assert sum(seconds) > 1.5 * took
    listed = run(program, ["--only", "lost", "--list"]).text.splitlines()
    assert [*report.outcomes()] == [line.partition(" | ")[2] for line in listed]


def test_a_number_of_jobs_below_one_is_refused(program: Path) -> None:
    assert run(program, ["--jobs", "0", "--", "true"]).status == 2


def test_the_cases_are_listed(program: Path) -> None:
    report = run(program, ["--list"])
    assert report.status == 0
    assert len(report.text.splitlines()) > 40
    assert run(program, ["--only", "nonsense", "--", "true"]).status == 2
