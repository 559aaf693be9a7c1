"""Run the tests on every engine there is, each in a run of its own, and say which ran."""

import os
import subprocess
import sys

COVERAGE = [sys.executable, "-m", "coverage"]


def main(arguments: list[str]) -> int:
    """Return 0 if every run passed and, where both engines ran, every branch of tokens did.

    One engine alone cannot take them all, and is spared the time that looking costs.
    """
    engines = ["sqlite", *(["postgresql"] if os.environ.get("TEST_DATABASE_URL") else [])]
    watched = len(engines) > 1 and "not soak" in " ".join(arguments)
    if watched:
        subprocess.run([*COVERAGE, "erase"], check=True)
    ran = [engine for engine in engines if passes(engine, arguments, watched=watched)]
    covered = not watched or is_covered()
    print("engines that ran and passed:", ", ".join(ran) or "none")
    if len(engines) == 1:
        print("PostgreSQL did not run: TEST_DATABASE_URL is not set")
    return 0 if ran == engines and covered else 1


def passes(engine: str, arguments: list[str], *, watched: bool) -> bool:
    run = [*COVERAGE, "run"] if watched else [sys.executable]
    environment = {**os.environ, "TEST_ENGINE": engine}
    print(f"— {engine} —", flush=True)
    command = [*run, "-m", "pytest", "-q", *arguments]
    return subprocess.run(command, env=environment, check=False).returncode == 0


def is_covered() -> bool:
    """Return whether the runs together took every branch of tokens."""
    subprocess.run([*COVERAGE, "combine", "-q"], check=True)
    report = [*COVERAGE, "report", "--include=tokens/*", "--fail-under=100"]
    return subprocess.run(report, check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
