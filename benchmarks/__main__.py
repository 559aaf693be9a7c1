"""Measure Latchkey against other software in turns, and print tables.

The others are stock SimpleJWT, Django's session, django-oauth-toolkit, allauth's headless API,
knox, and two views that do almost nothing. One granian server runs all the time for each side. The
clients call one of them at a time.
"""

import multiprocessing
import os
import tempfile
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import document, report
from benchmarks.clients import PROCESSES, Pair, Round, turn
from benchmarks.databases import databases, why_not_postgresql
from benchmarks.race import race
from benchmarks.report import Figures
from benchmarks.sites import Site, served, served_as_shipped
from tests.support.servers import free_port

SIDES = ["latchkey", "stock", "toolkit", "allauth", "knox", "floor"]
WARM_UP = 0.5  # seconds before the first round, not counted
HALF_LOAD = 4  # seconds at half of the load, at least


def main() -> None:
    options = arguments()
    engines = ["SQLite"]
    if reason := why_not_postgresql():
        print(f"PostgreSQL is left out: {reason}.")
    else:
        engines.append("PostgreSQL")
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(PROCESSES, mp_context=spawn) as crowds:
        bench = Bench(crowds, options)
        with tempfile.TemporaryDirectory(prefix="latchkey-bench-") as state:
            figures = [bench.engine(engine, Path(state)) for engine in engines]
            ceiling = bench.ceiling()
    print()
    tables = [report.speed(figures), report.latency(figures), report.costs(figures)]
    tables.append(report.races(figures))
    for table in tables:
        report.show(table)
    conditions = (
        f"{options.clients} clients, {options.rounds} rounds of {options.seconds:g} s; granian"
        f" {version('granian')}, {options.workers} workers of {options.threads} threads,"
        f" {os.cpu_count()} cores.\nThe clients took at most {bench.busiest:.0%} of a core each,"
        f" and reach {ceiling:.0f} requests/s against a server that only answers."
    )
    print(conditions)
    if options.write:
        document.write(figures, tables, conditions)


class Bench:
    """The clients, their options, and the highest load that they had."""

    def __init__(self, crowds: ProcessPoolExecutor, options: Namespace) -> None:
        self.crowds = crowds
        self.options = options
        self.busiest = 0.0

    def engine(self, engine: str, state: Path) -> Figures:
        """Measure all sides on one database engine."""
        with ExitStack() as stack:
            urls = stack.enter_context(databases(engine, SIDES, state))
            sites = {
                name: Site(name, f"benchmarks.{name}_site", url, state)
                for name, url in zip(SIDES, urls, strict=True)
            }
            for site in sites.values():
                site.prepare(self.options.users)
                self.serve(stack, site)
            figures = Figures(engine, sites)
            for name in self.options.only or report.COMPARISONS:
                self.rounds(figures, name)
            for name in self.options.only or report.COMPARISONS:
                self.half_load(figures, name)
            for name in ("latchkey", "stock"):
                figures.races[name] = race(sites[name].port, sites[name].pairs.pop().refresh)
        return figures

    def rounds(self, figures: Figures, name: str) -> None:
        """Ask Latchkey, then the other side, and so on."""
        compared = report.COMPARISONS[name]
        ours, other = figures.sites["latchkey"], figures.sites[compared.side]
        sides = [(ours, compared.ours), (other, compared.theirs)]
        for site, call in sides:
            self.ask(site, call, WARM_UP)
        rounds = figures.rounds.setdefault(name, [])
        for number in range(self.options.rounds):
            mine, theirs = [self.ask(site, call, self.options.seconds) for site, call in sides]
            rounds.append((mine, theirs))
            ratio = mine.rate / theirs.rate
            print(f"{figures.engine} {name}, round {number + 1}: {ratio:.2f}", flush=True)

    def half_load(self, figures: Figures, name: str) -> None:
        """Measure the latency of each side at half of the load that it can answer."""
        compared = report.COMPARISONS[name]
        calls = [("latchkey", compared.ours), (compared.side, compared.theirs)]
        turns = []
        for (side, call), rounds in zip(
            calls, zip(*figures.rounds[name], strict=True), strict=True
        ):
            rate = median(turn.rate for turn in rounds)
            interval = 2 * self.options.clients / rate
            seconds = max(self.options.seconds, HALF_LOAD)
            turns.append(self.ask(figures.sites[side], call, seconds, interval))
        figures.half_load[name] = turns[0], turns[1]

    def ask(self, site: Site, operation: str, seconds: float, interval: float = 0) -> Round:
        """Give one side a turn; its clients keep what they were given."""
        clients = self.options.clients
        asked = site.turn(self.crowds, operation, seconds, clients=clients, interval=interval)
        self.busiest = max(self.busiest, asked.cpu / PROCESSES / asked.seconds)
        return asked

    def ceiling(self) -> float:
        """Return the requests a second that the clients reach when the server has nothing to do."""
        pairs, port = [Pair("a", "r") for _ in range(self.options.clients)], free_port()
        with ExitStack() as stack:
            application, environment = "benchmarks.constant:application", dict(os.environ)
            stack.enter_context(
                served(application, port=port, environment=environment, **self.capacity)
            )
            for seconds in (WARM_UP, self.options.seconds):
                asked = turn(
                    self.crowds, port=port, operation="refresh", pairs=pairs, seconds=seconds
                )
            return asked.rate

    def serve(self, stack: ExitStack, site: Site) -> None:
        """Serve Latchkey as it ships, and the others with granian for WSGI."""
        options: Any = {"port": site.port, "environment": site.environment, **self.capacity}
        served_site = (
            served_as_shipped(**options)
            if site.name == "latchkey"
            else served("project.wsgi:application", **options)
        )
        stack.enter_context(served_site)

    @property
    def capacity(self) -> dict[str, int]:
        return {"workers": self.options.workers, "threads": self.options.threads}


def arguments() -> Namespace:
    """Return what the command line asks for."""
    parser = ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=positive, default=7, help="turns of each side (7)")
    parser.add_argument("--seconds", type=float, default=2.0, help="length of a turn (2)")
    parser.add_argument("--clients", type=positive, default=8, help="simultaneous clients (8)")
    parser.add_argument("--users", type=positive, default=500, help="users of each side (500)")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks/")
    parser.add_argument("--only", action="append", choices=report.COMPARISONS, help="one of them")
    parser.add_argument("--workers", type=positive, default=2, help="granian's workers (2)")
    parser.add_argument("--threads", type=positive, default=4, help="threads of each worker (4)")
    return parser.parse_args()


def positive(text: str) -> int:
    if (number := int(text)) < 1:
        raise ArgumentTypeError("must be 1 or more")
    return number


if __name__ == "__main__":
    main()
