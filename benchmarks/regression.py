"""Compare the speed of this tree with the commit that benchmarks/baseline.txt names.

Both trees serve as shipped and take turns, so that a busy machine slows both. Prints the ratio of
each operation, and exits with status 1 if a median is below LEAST. A ratio below it is measured a
second time, because one turn of another program can hide the truth in a short run.
"""

import multiprocessing
import subprocess
import sys
import tarfile
import tempfile
from argparse import ArgumentParser, Namespace
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path
from statistics import median

from benchmarks.clients import PROCESSES
from benchmarks.databases import databases, why_not_postgresql
from benchmarks.sites import ROOT, Site, served_as_shipped

LEAST = 0.85
OPERATIONS = ("refresh", "read")
CAPACITY = {"workers": 1, "threads": 4}
CLIENTS = 8
BASELINE = ROOT / "benchmarks" / "baseline.txt"


def main() -> int:
    """Measure, print the ratios, and return the exit status."""
    options = arguments()
    engine = "SQLite" if why_not_postgresql() else "PostgreSQL"
    commit = BASELINE.read_text().split(maxsplit=1)[0]
    spawn = multiprocessing.get_context("spawn")
    with ExitStack() as stack:
        state = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="latchkey-bench-")))
        checkout = state / "baseline"
        extract(commit, checkout)
        crowds = stack.enter_context(ProcessPoolExecutor(PROCESSES, mp_context=spawn))
        names = ["latchkey", "baseline"]
        urls = stack.enter_context(databases(engine, names, state))
        sites = [
            Site("latchkey", "benchmarks.latchkey_site", url, state, checkout=tree)
            for url, tree in zip(urls, (ROOT, checkout), strict=True)
        ]
        for site in sites:
            site.prepare(CLIENTS + 1)
            served = served_as_shipped(
                port=site.port, environment=site.environment, checkout=site.checkout, **CAPACITY
            )
            stack.enter_context(served)
        race = Race(crowds, sites, options)
        return max([race.judge(engine, operation) for operation in OPERATIONS])


class Race:
    """This tree and the baseline, which take turns."""

    def __init__(self, crowds: ProcessPoolExecutor, sites: list[Site], options: Namespace) -> None:
        self.crowds = crowds
        self.sites = sites
        self.options = options

    def judge(self, engine: str, operation: str) -> int:
        """Print the ratio of an operation, and return 1 if it is too low twice, else 0."""
        for site in self.sites:
            self.rate(site, operation)  # warm
        for _ in range(2):
            ratios = [self.ratio(operation) for _ in range(self.options.rounds)]
            found = median(ratios)
            spread = f"[{min(ratios):.2f}, {max(ratios):.2f}]"
            print(f"{engine} {operation}: {found:.2f} × the baseline {spread}", flush=True)
            if found >= LEAST:
                return 0
        print(f"{operation} is slower than {LEAST} of the baseline.", flush=True)
        return 1

    def ratio(self, operation: str) -> float:
        """Return this tree's requests per second, divided by those of the baseline."""
        ours, theirs = (self.rate(site, operation) for site in self.sites)
        return ours / theirs

    def rate(self, site: Site, operation: str) -> float:
        """Return the requests per second in one turn of a tree."""
        seconds = self.options.seconds
        return site.turn(self.crowds, operation, seconds, clients=CLIENTS).rate


def extract(commit: str, directory: Path) -> None:
    """Write the files of this commit into a new directory, or exit with a sentence."""
    command = ["git", "archive", "--format=tar", commit]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    if done.returncode:
        sys.exit(f"The baseline {commit} is not in this clone: {done.stderr.decode().strip()}")
    with tarfile.open(fileobj=BytesIO(done.stdout)) as archive:
        archive.extractall(directory, filter="data")


def arguments() -> Namespace:
    """Return the options of the command line."""
    parser = ArgumentParser(prog="python -m benchmarks.regression", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="turns of each tree (7)")
    parser.add_argument("--seconds", type=float, default=1.0, help="length of a turn (1)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
