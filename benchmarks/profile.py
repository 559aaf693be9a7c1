"""Show where a refresh and a read spend their time, by function.

The calls run in this process, without a server: `python -m benchmarks.profile [--engine …]`. The
profiler makes calls of short functions look slower than they are; compare shares, not times.
"""

import os
import tempfile
from argparse import ArgumentParser
from contextlib import redirect_stderr
from cProfile import Profile
from pathlib import Path
from pstats import SortKey, Stats

from benchmarks.databases import databases, why_not_postgresql
from benchmarks.sites import Site
from benchmarks.wsgi import Caller

CALLS = 1000
WARM_UP = 100  # calls that are not profiled
SHOWN = 35  # functions of each table


def main() -> None:
    """Prepare a site on the engine, and profile each operation in this process."""
    engines = ["SQLite"] if why_not_postgresql() else ["PostgreSQL", "SQLite"]
    parser = ArgumentParser(prog="python -m benchmarks.profile", description=__doc__)
    parser.add_argument("--engine", choices=engines, default=engines[0])
    engine = parser.parse_args().engine
    with tempfile.TemporaryDirectory(prefix="latchkey-profile-") as directory:
        state = Path(directory)
        with databases(engine, ["profile"], state) as [url]:
            site = Site("latchkey", "benchmarks.latchkey_site", url, state)
            site.prepare(2)  # It uses one of them up to count queries.
            os.environ.update(site.environment)
            # As shipped, each call writes a line.
            with (state / "log").open("w") as log, redirect_stderr(log):
                profile_all(engine, site)


def profile_all(engine: str, site: Site) -> None:
    """Print a table for each operation."""
    caller = Caller(site.pairs.pop(), site.port)
    for name, call in {"refresh": caller.refresh, "read": caller.read}.items():
        for _ in range(WARM_UP):
            call()
        profiler = Profile()
        profiler.enable()
        for _ in range(CALLS):
            call()
        profiler.disable()
        print(f"{engine}: {CALLS} calls of {name}")
        stats = Stats(profiler).strip_dirs()
        stats.sort_stats(SortKey.TIME).print_stats(SHOWN)
        stats.sort_stats(SortKey.CUMULATIVE).print_stats(SHOWN)


if __name__ == "__main__":
    main()
