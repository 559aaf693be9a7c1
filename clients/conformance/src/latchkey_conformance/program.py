"""The command `latchkey-conformance`: run the cases against a client, and print a table.

Exit status: 0 if every guarantee holds, 1 if one is broken, 2 if the command does not speak the
protocol or the arguments are wrong, 130 after Ctrl-C.
"""

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from latchkey_conformance.cases import GUARANTEES
from latchkey_conformance.errors import BrokenError, NotApplicableError, ProtocolError
from latchkey_conformance.play import Case, playing, stop_all

HOLDS, BROKEN, SKIPPED = "holds", "BROKEN", "-"
JOBS = 4  # cases at the same time: most of them wait


@dataclass(frozen=True)
class Row:
    """The outcome of one case."""

    guarantee: str
    case: str
    outcome: str
    seconds: float
    why: str = ""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program, and return its exit status."""
    options = parser().parse_args(arguments)
    chosen = [*select(options.only)]
    if options.list:
        print_cases(chosen)
        return 0
    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    if not command or not chosen:
        parser().error("a command is required" if not command else f"no case has {options.only!r}")
    if options.jobs < 1:
        parser().error("--jobs must be at least 1")
    rows = []
    try:
        for row in run_all(command, chosen, options.jobs):
            rows.append(row)
            print(line(row), flush=True)
    except (ProtocolError, OSError) as error:
        print(f"{error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    print(summary(rows))
    return 1 if any(row.outcome == BROKEN for row in rows) else 0


def parser() -> argparse.ArgumentParser:
    command = argparse.ArgumentParser(
        "latchkey-conformance",
        description="Play a Latchkey site with faults against a client, and report which"
        " guarantees hold.",
    )
    command.add_argument("--only", default="", metavar="WORD", help="the cases with this word")
    command.add_argument(
        "--jobs", type=int, default=JOBS, metavar="N", help=f"run N cases at a time ({JOBS})"
    )
    command.add_argument("--list", action="store_true", help="list the cases")
    command.add_argument(
        "command", nargs=argparse.REMAINDER, metavar="-- COMMAND", help="the client to start"
    )
    return command


def select(word: str) -> Iterator[tuple[str, Case]]:
    """Yield the cases whose guarantee, name or sentence contains the word."""
    for guarantee, cases in GUARANTEES.items():
        for case in cases:
            if word.lower() in f"{guarantee} {case.__name__} {case.__doc__}".lower():
                yield guarantee, case


def run_all(command: Sequence[str], chosen: Sequence[tuple[str, Case]], jobs: int) -> Iterator[Row]:
    """Play the cases, `jobs` of them at the same time, and yield their outcomes in order.

    After an error or Ctrl-C, the clients that run are ended, and no other case begins.
    """
    with ThreadPoolExecutor(jobs) as pool:
        rows = [pool.submit(run, command, guarantee, case) for guarantee, case in chosen]
        try:
            for row in rows:
                yield row.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            stop_all()


def run(command: Sequence[str], guarantee: str, case: Case) -> Row:
    """Play one case with a new site, a new store and a new process of the client."""
    began, outcome, why = time.monotonic(), HOLDS, ""
    try:
        with playing(command) as play:
            case(play)
    except BrokenError as error:
        outcome, why = BROKEN, str(error)
    except NotApplicableError as error:
        outcome, why = SKIPPED, str(error)
    return Row(guarantee, case.__doc__ or "", outcome, time.monotonic() - began, why)


def print_cases(chosen: Sequence[tuple[str, Case]]) -> None:
    for guarantee, case in chosen:
        print(f"{guarantee} | {case.__doc__}")


def line(row: Row) -> str:
    """Return the row of the table for one case."""
    why = f"  {row.why}" if row.why else ""
    return f"{row.outcome:6}  {row.seconds:5.1f} s  {row.case}{why}"


def summary(rows: Sequence[Row]) -> str:
    """Return a table with one line for each guarantee."""
    lines = ["", f"{'guarantee':40}  holds  broken  not applicable"]
    for guarantee in dict.fromkeys(row.guarantee for row in rows):
        found = [row.outcome for row in rows if row.guarantee == guarantee]
        counts = [found.count(outcome) for outcome in (HOLDS, BROKEN, SKIPPED)]
        lines.append(f"{guarantee:40}  {counts[0]:5}  {counts[1]:6}  {counts[2]:14}")
    return "\n".join(lines)
