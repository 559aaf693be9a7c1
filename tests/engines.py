"""Run the tests on every engine that is available, and report which ran.

Two engines run at the same time. A single engine has its tests distributed over the cores instead.
"""

import os
import subprocess
import sys
import tempfile
from typing import IO

COVERAGE = [sys.executable, "-m", "coverage"]
#: Tests of one group, which `tests/support/selection.py` chooses, run one after the other in one
#: process.
DISTRIBUTED = ["-n", "auto", "--maxprocesses=4", "--dist=loadgroup"]


def main(arguments: list[str]) -> int:
    """Return 0 if every run passed and, where both engines ran, every branch of tokens did.

    One engine alone does not reach every branch, so its run saves the time that coverage costs.
    """
    engines = ["sqlite", *(["postgresql"] if os.environ.get("TEST_DATABASE_URL") else [])]
    both = len(engines) > 1
    watched = both and "not soak" in " ".join(arguments)
    if watched:
        subprocess.run([*COVERAGE, "erase"], check=True)
    command = [*([*COVERAGE, "run"] if watched else [sys.executable]), "-m", "pytest", "-q"]
    command += arguments if both else [*DISTRIBUTED, *arguments]
    ran = [engine for engine, passed in run_all(engines, command).items() if passed]
    covered = not watched or is_covered()
    print("engines that ran and passed:", ", ".join(ran) or "none")
    if not both:
        print("PostgreSQL did not run: TEST_DATABASE_URL is not set")
    return 0 if ran == engines and covered else 1


def run_all(engines: list[str], command: list[str]) -> dict[str, bool]:
    """Run the command on every engine at the same time; return which engines passed.

    The first run prints as it proceeds, each other one when those before it have ended.
    """
    with tempfile.TemporaryFile() as later:
        outputs: list[IO[bytes] | None] = [None, later]
        print(f"— {engines[0]} —", flush=True)
        running = [
            start(engine, command, output) for engine, output in zip(engines, outputs, strict=False)
        ]
        passed = {engines[0]: running[0].wait() == 0}
        for engine, process in zip(engines[1:], running[1:], strict=True):
            print(f"— {engine} —", flush=True)
            passed[engine] = process.wait() == 0
            later.seek(0)
            sys.stdout.buffer.write(later.read())
            sys.stdout.flush()
    return passed


def start(engine: str, command: list[str], output: IO[bytes] | None) -> "subprocess.Popen[bytes]":
    environment = {**os.environ, "TEST_ENGINE": engine}
    return subprocess.Popen(command, env=environment, stdout=output, stderr=output)


def is_covered() -> bool:
    """Return whether the runs together took every branch of tokens."""
    subprocess.run([*COVERAGE, "combine", "-q"], check=True)
    report = [*COVERAGE, "report", "--include=tokens/*", "--fail-under=100"]
    return subprocess.run(report, check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
