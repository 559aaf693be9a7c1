"""The figures of a run, as a table."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import median, quantiles

from benchmarks.clients import Round
from benchmarks.race import Outcome
from benchmarks.sites import Site


@dataclass(frozen=True)
class Comparison:
    """An operation of Latchkey's, and the side and operation that it is compared with."""

    ours: str
    side: str
    theirs: str


COMPARISONS = {
    "refresh": Comparison("refresh", "stock", "refresh"),
    "read": Comparison("read", "stock", "read"),
    "refresh / allauth": Comparison("refresh", "allauth", "refresh at allauth"),
    "refresh / one statement": Comparison("refresh", "floor", "one statement"),
    "read / knox": Comparison("read", "knox", "read with knox"),
    "read / allauth": Comparison("read", "allauth", "read"),
    "read / an answer": Comparison("read", "floor", "read"),
    "read / a DRF answer": Comparison("read", "floor", "answer by DRF"),
    "account / read": Comparison("read the account", "stock", "read"),
    "sign-in": Comparison("sign in", "stock", "sign in"),
    "read / session": Comparison("read", "stock", "read by session"),
    "client credentials": Comparison("client credentials", "toolkit", "client credentials"),
    "the same / plain secret": Comparison(
        "client credentials", "toolkit", "client credentials, plain"
    ),
    "secret as a key / own token": Comparison("read with a key", "latchkey", "read"),
    "introspect / own read": Comparison("introspect", "latchkey", "read"),
}


@dataclass
class Figures:
    """The measurements on one engine: for each round, ours and that of the other side."""

    engine: str
    sites: dict[str, Site]
    rounds: dict[str, list[tuple[Round, Round]]] = field(default_factory=dict)
    half_load: dict[str, tuple[Round, Round]] = field(default_factory=dict)
    races: dict[str, Outcome] = field(default_factory=dict)

    def ratios(self, name: str) -> list[float]:
        """Return our requests a second over the other side's, for each round, smallest first."""
        return sorted(ours.rate / other.rate for ours, other in self.rounds[name])


def rate(rounds: Iterable[Round]) -> str:
    return f"{median(turn.rate for turn in rounds):.0f}"


def milliseconds(rounds: Iterable[Round], percentile: int) -> str:
    latencies = [latency for turn in rounds for latency in turn.latencies]
    return f"{quantiles(latencies, n=100)[percentile - 1] * 1000:.1f}"


def speed(figures: Iterable[Figures]) -> list[list[str]]:
    """Return the table of speeds: a line for each engine and comparison."""
    head = ["", "", "req/s", "other", "ratio", "min", "max", "p50 ms", "other", "p99 ms", "other"]
    lines = [head]
    for found in figures:
        for name, rounds in found.rounds.items():
            sides = [*zip(*rounds, strict=True)]
            ratios = found.ratios(name)
            line = [found.engine, name, *map(rate, sides)]
            line += [f"{ratio:.2f}" for ratio in (median(ratios), ratios[0], ratios[-1])]
            line += [milliseconds(side, p) for p in (50, 99) for side in sides]
            lines.append(line)
    return lines


def latency(figures: Iterable[Figures]) -> list[list[str]]:
    """Return the table of latencies at half of the load that each side can answer."""
    lines = [["", "at half load", "req/s", "other", "p50 ms", "other", "p99 ms", "other"]]
    for found in figures:
        for name, sides in found.half_load.items():
            line = [found.engine, name, *(rate([side]) for side in sides)]
            line += [milliseconds([side], p) for p in (50, 99) for side in sides]
            lines.append(line)
    return lines


def costs(figures: Iterable[Figures]) -> list[list[str]]:
    """Return the table of what a call does to the database."""
    counted = ("statements", "writes", "rows")
    lines = [["", "", *counted]]
    for found in figures:
        for site in found.sites.values():
            for name, counts in site.counts.items():
                cells = [f"{counts[column]:g}" for column in counted]
                lines.append([found.engine, f"{site.name}, {name}", *cells])
    return lines


def races(figures: Iterable[Figures]) -> list[list[str]]:
    """Return the table of the race for one refresh token."""
    lines = [["", "", "12 callers: answered", "distinct", "valid"]]
    for found in figures:
        for name, race in found.races.items():
            outcome = (race.answered, race.distinct, race.valid)
            lines.append([found.engine, name, *map(str, outcome)])
    return lines


def show(lines: list[list[str]]) -> None:
    """Print the table: two columns of words, then figures."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = zip(line, widths, strict=True)
        aligned = [
            cell.ljust(width) if place < 2 else cell.rjust(width)
            for place, (cell, width) in enumerate(cells)
        ]
        print("  ".join(aligned).rstrip())
    print()
