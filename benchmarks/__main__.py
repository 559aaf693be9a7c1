"""Measure Latchkey against stock SimpleJWT and Django's session in turns, and print tables.

Both sides are served all the time, each by a granian of its own; only one is asked at any moment.
"""

import multiprocessing
import os
import tempfile
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from benchmarks import report
from benchmarks.clients import Pair, Round, turn
from benchmarks.databases import databases, why_not_postgresql
from benchmarks.race import race
from benchmarks.report import Figures
from benchmarks.sites import Site, served, served_as_shipped
from tests.support.servers import free_port

PROCESSES = 2  # that the clients are spread over
WARM_UP = 0.5  # seconds before the first round, not counted
RUNAWAY = 20_000  # requests of one client in one turn, at most


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
    report.show(report.speed(figures))
    report.show(report.costs(figures))
    print(
        f"{options.clients} clients, {options.rounds} rounds of {options.seconds:g} s; granian"
        f" {version('granian')}, {options.workers} workers of {options.threads} threads,"
        f" {os.cpu_count()} cores.\nThe clients took at most {bench.busiest:.0%} of a core each,"
        f" and reach {ceiling:.0f} requests/s against a server that only answers."
    )


class Bench:
    """The clients, what they are to do, and how busy they were at most."""

    def __init__(self, crowds: ProcessPoolExecutor, options: Namespace) -> None:
        self.crowds = crowds
        self.options = options
        self.busiest = 0.0

    def engine(self, engine: str, state: Path) -> Figures:
        """Measure both sides on one database engine."""
        names = ["latchkey", "stock"]
        with ExitStack() as stack:
            urls = stack.enter_context(databases(engine, names, state))
            ours, stock = (
                Site(name, f"benchmarks.{name}_site", url, state)
                for name, url in zip(names, urls, strict=True)
            )
            for site in (ours, stock):
                site.prepare(self.options.users)
            self.serve_as_shipped(stack, ours)
            self.serve(stack, "project.wsgi:application", stock.port, stock.environment)
            figures = Figures(engine, ours, stock)
            for operation in report.OPERATIONS:
                self.rounds(figures, operation)
            for site in (ours, stock):
                figures.races[site.name] = race(site.port, site.pairs.pop().refresh)
        return figures

    def rounds(self, figures: Figures, operation: str) -> None:
        """Ask one side, then the other, and so on."""
        sides = list(zip((figures.ours, figures.stock), report.OPERATIONS[operation], strict=True))
        for site, call in sides:
            self.ask(site, call, WARM_UP)
        for number in range(self.options.rounds):
            for site, call in sides:
                asked = self.ask(site, call, self.options.seconds)
                figures.of(site, operation).append(asked)
                self.busiest = max(self.busiest, asked.cpu / PROCESSES / asked.seconds)
            ratio = figures.of(figures.ours, operation)[-1].rate / asked.rate
            print(f"{figures.engine} {operation}, round {number + 1}: {ratio:.2f}", flush=True)

    def ask(self, site: Site, operation: str, seconds: float) -> Round:
        """Give one side a turn; its clients keep what they were given."""
        count = self.options.clients
        asked = self.turn(site.port, operation, site.pairs[:count], seconds)
        site.pairs[:count] = asked.pairs
        return asked

    def ceiling(self) -> float:
        """Return the requests a second that the clients reach when the server has nothing to do."""
        pairs, port = [Pair("a", "r") for _ in range(self.options.clients)], free_port()
        with ExitStack() as stack:
            self.serve(stack, "benchmarks.constant:application", port, dict(os.environ))
            self.turn(port, "refresh", [replace(pair) for pair in pairs], WARM_UP)
            return self.turn(port, "refresh", pairs, self.options.seconds).rate

    def turn(self, port: int, operation: str, pairs: list[Pair], seconds: float) -> Round:
        return turn(
            self.crowds,
            PROCESSES,
            port=port,
            operation=operation,
            pairs=pairs,
            seconds=seconds,
            limit=RUNAWAY,
        )

    def serve_as_shipped(self, stack: ExitStack, site: Site) -> None:
        workers, threads = self.options.workers, self.options.threads
        stack.enter_context(
            served_as_shipped(
                port=site.port, environment=site.environment, workers=workers, threads=threads
            )
        )

    def serve(
        self, stack: ExitStack, application: str, port: int, environment: dict[str, str]
    ) -> None:
        workers, threads = self.options.workers, self.options.threads
        stack.enter_context(
            served(
                application, port=port, environment=environment, workers=workers, threads=threads
            )
        )


def arguments() -> Namespace:
    """Return what the command line asks for."""
    parser = ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=positive, default=7, help="turns of each side (7)")
    parser.add_argument("--seconds", type=float, default=2.0, help="length of a turn (2)")
    parser.add_argument("--clients", type=positive, default=8, help="simultaneous clients (8)")
    parser.add_argument("--users", type=positive, default=500, help="users of each side (500)")
    parser.add_argument("--workers", type=positive, default=2, help="granian's workers (2)")
    parser.add_argument("--threads", type=positive, default=4, help="threads of each worker (4)")
    return parser.parse_args()


def positive(text: str) -> int:
    if (number := int(text)) < 1:
        raise ArgumentTypeError("must be 1 or more")
    return number


if __name__ == "__main__":
    main()
