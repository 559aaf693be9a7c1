"""Measure the site with few and with many sessions, in turns: `python -m benchmarks.growth`.

Needs PostgreSQL (BENCH_DATABASE_URL) and about 1 KB of disk per session. The calls run in this
process, without a server. The ratio compares the medians of the two databases.
"""

import os
import secrets
import sys
import tempfile
from argparse import ArgumentParser
from contextlib import redirect_stderr
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING, Any, TextIO
from urllib.parse import urlsplit

import django
import psycopg

from benchmarks.databases import databases, why_not_postgresql
from benchmarks.report import show
from benchmarks.sites import ROOT, Site
from benchmarks.wsgi import Caller
from tests.support.servers import free_port

if TYPE_CHECKING:
    from benchmarks.growth.measure import Times

FEW = 10_000  # sessions of the small database
COLD = 1_000_000  # sessions over which the cold refreshes are spread
PURGED = 1_000_000  # rows, if there are as many
PARTITION = ROOT / "deploy" / "partition.sql"


def main() -> None:
    """Prepare both databases and this process."""
    parser = ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument("--sessions", type=int, default=10_000_000, help="(10_000_000)")
    parser.add_argument(
        "--partitioned", action="store_true", help="split the large table with deploy/partition.sql"
    )
    options = parser.parse_args()
    sessions = options.sessions
    if sessions < 2 * FEW:
        parser.error(f"Measure with at least {2 * FEW:,} sessions.")
    if reason := why_not_postgresql():
        sys.exit(f"This measurement needs PostgreSQL: {reason}.")
    with tempfile.TemporaryDirectory(prefix="latchkey-growth-") as directory:
        state = Path(directory)
        # This process has the settings of the small one, so that both need the same.
        same: Any = {"port": free_port(), "secret_key": secrets.token_urlsafe(48)}
        with databases("PostgreSQL", ["few", "many"], state) as urls:
            sites = [
                Site("latchkey", "benchmarks.latchkey_site", url, state, **same) for url in urls
            ]
            for site in sites:
                site.prepare(2)
            if options.partitioned:
                with psycopg.connect(urls[1]) as connection:
                    connection.execute(PARTITION.read_bytes())
            os.environ.update(sites[0].environment, LOG_LEVEL="WARNING")
            django.setup()
            with (state / "log").open("w") as log:
                run(sites, sessions, log)


def run(sites: list[Site], sessions: int, log: TextIO) -> None:
    """Load both databases, measure them in turns, and print the tables."""
    from benchmarks.growth.load import (  # noqa: PLC0415  (Django is set up now)
        SESSIONS_PER_USER,
        load,
    )
    from benchmarks.growth.measure import (  # noqa: PLC0415  (Django is set up now)
        Database,
        compare,
        refresh_beside_purge,
        share_in_place,
        sizes,
    )

    port = sites[0].port
    few, many = (
        Database(urlsplit(site.database_url).path[1:], Caller(site.pairs.pop(), port))
        for site in sites
    )
    for database, number in ((few, FEW), (many, sessions)):
        database.use()
        load(number)
        database.prepare(range(SESSIONS_PER_USER + 1, min(COLD, number) + 1))
    with redirect_stderr(log):
        compare([few, many])
        bytes_per_row, in_place = sizes(), share_in_place()
        purged = min(PURGED, sessions // 4)
        beside, seconds = refresh_beside_purge(many, sites[1].environment, purged)
    print(f"Milliseconds with {FEW:,} and with {sessions:,} sessions:")
    show(table(few.times, many.times))
    print(f"Refreshes of one session while {purged:,} sessions are deleted in {seconds:.0f} s:")
    alone = many.times["refresh, one session"]
    show([["", "", "p50 ms", "p99 ms"], row("alone", alone), row("beside a purge", beside)])
    print(f"PostgreSQL has made {in_place:.1%} of the updates of sessions in place.\n")
    print("Bytes on disk per row, with indexes:")
    show([["", "", "bytes"], *([name, "", f"{size:.0f}"] for name, size in bytes_per_row.items())])


def table(few: "Times", many: "Times") -> list[list[str]]:
    """Return a line for each operation: median and 95th percentile of both, and the ratio."""
    lines = [["", "", "p50 few", "p50 many", "ratio", "p95 few", "p95 many"]]
    for name, before in few.items():
        after = many[name]
        ratio = median(after) / median(before)
        middle = [f"{median(times):.2f}" for times in (before, after)]
        high = [f"{percentile(times, 95):.2f}" for times in (before, after)]
        lines.append([name, "", *middle, f"{ratio:.2f}", *high])
    return lines


def row(name: str, times: list[float]) -> list[str]:
    return [name, "", f"{median(times):.2f}", f"{percentile(times, 99):.2f}"]


def percentile(times: list[float], which: int) -> float:
    return quantiles(times, n=100)[which - 1]


if __name__ == "__main__":
    main()
