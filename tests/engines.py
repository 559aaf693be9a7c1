"""Run the selected tests on every available database engine, and report which engines ran.

With two engines, three runs share the cores: the tests of each engine, and the tests that have the
same result with every engine. pytest-xdist distributes the latter, which mostly wait, over the
cores. It distributes all tests of a single engine over three processes, because many of them wait.
"""

import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import IO

#: `tests/support/selection.py` assigns groups. The tests of a group run one after the other.
DISTRIBUTED = ["-n", "auto", "--maxprocesses=4", "--dist=loadgroup"]
ALONE = ["-n", "3", "--dist=loadgroup"]
COVERAGE = [sys.executable, "-m", "coverage"]


@dataclass
class Run:
    """A run of pytest with the tests that a marker expression selects."""

    title: str
    engine: str
    selection: str
    options: list[str] = field(default_factory=list)
    watched: bool = False  # by coverage

    def start(self, output: IO[bytes] | None) -> "subprocess.Popen[bytes]":
        command = [*([*COVERAGE, "run"] if self.watched else [sys.executable]), "-m", "pytest"]
        command += ["-q", *self.options, "-m", self.selection]
        environment = {**os.environ, "TEST_ENGINE": self.engine}
        return subprocess.Popen(command, env=environment, stdout=output, stderr=output)


def main(selection: str) -> int:
    """Return 0 if every run passed and, with both engines, every branch of tokens is covered.

    A single engine does not reach every branch, so its run does not measure coverage.
    """
    engines = ["sqlite", *(["postgresql"] if os.environ.get("TEST_DATABASE_URL") else [])]
    if len(engines) == 1:
        runs = [Run("sqlite", "sqlite", selection, ALONE)]
    elif selection == "soak":
        runs = [Run(engine, engine, selection) for engine in engines]
    else:
        each, once = f"({selection}) and not once", f"({selection}) and once"
        runs = [Run(engine, engine, each, watched=True) for engine in engines]
        runs.append(Run("programs with databases of their own", "sqlite", once, DISTRIBUTED))
    if any(run.watched for run in runs):
        subprocess.run([*COVERAGE, "erase"], check=True)
    passed = [run for run, succeeded in zip(runs, start_all(runs), strict=True) if succeeded]
    covered = not any(run.watched for run in runs) or is_covered()
    print("engines that ran and passed:", ", ".join(run.title for run in passed) or "none")
    if len(engines) == 1:
        print("PostgreSQL did not run: TEST_DATABASE_URL is not set")
    return 0 if passed == runs and covered else 1


def start_all(runs: list[Run]) -> list[bool]:
    """Start all runs at the same time. Return whether each of them passed.

    The output of the first run appears immediately, and the output of the others afterwards.
    """
    with ExitStack() as files:
        outputs = [files.enter_context(tempfile.TemporaryFile()) for _ in runs[1:]]
        print(f"— {runs[0].title} —", flush=True)
        running = [run.start(output) for run, output in zip(runs, [None, *outputs], strict=True)]
        passed = [running[0].wait() == 0]
        for run, process, output in zip(runs[1:], running[1:], outputs, strict=True):
            print(f"— {run.title} —", flush=True)
            passed.append(process.wait() == 0)
            output.seek(0)
            sys.stdout.buffer.write(output.read())
            sys.stdout.flush()
    return passed


def is_covered() -> bool:
    """Return whether the runs together covered every branch of tokens."""
    subprocess.run([*COVERAGE, "combine", "-q"], check=True)
    report = [*COVERAGE, "report", "--include=tokens/*", "--fail-under=100"]
    return subprocess.run(report, check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
