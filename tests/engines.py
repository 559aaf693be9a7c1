"""Run the tests on every engine there is, each in a run of its own, and say which ran."""

import os
import subprocess
import sys

COVERAGE = [sys.executable, "-m", "coverage"]


def main(arguments: list[str]) -> int:
    """Return 0 if every run passed and, where both engines ran, every branch of tokens did."""
    engines = ["sqlite", *(["postgresql"] if os.environ.get("TEST_DATABASE_URL") else [])]
    subprocess.run([*COVERAGE, "erase"], check=True)
    ran = [engine for engine in engines if passes(engine, arguments)]
    whole = "not soak" in " ".join(arguments)
    covered = is_covered(both="postgresql" in ran) if whole else True
    print("engines that ran and passed:", ", ".join(ran) or "none")
    if len(engines) == 1:
        print("PostgreSQL did not run: TEST_DATABASE_URL is not set")
    return 0 if ran == engines and covered else 1


def passes(engine: str, arguments: list[str]) -> bool:
    command = [*COVERAGE, "run", "-m", "pytest", "-q", *arguments]
    environment = {**os.environ, "TEST_ENGINE": engine}
    print(f"— {engine} —", flush=True)
    return subprocess.run(command, env=environment, check=False).returncode == 0


def is_covered(*, both: bool) -> bool:
    """Return whether the runs together took every branch of tokens; one engine alone cannot."""
    subprocess.run([*COVERAGE, "combine", "-q"], check=True)
    threshold = "100" if both else "0"
    report = [*COVERAGE, "report", "--include=tokens/*", f"--fail-under={threshold}"]
    return subprocess.run(report, check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
