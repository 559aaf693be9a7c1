"""The figures of a run, as a table."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import median, quantiles

from benchmarks.clients import Round
from benchmarks.race import Outcome
from benchmarks.sites import Site

#: What is measured, and what each side is asked for it.
OPERATIONS = {
    "refresh": ("refresh", "refresh"),
    "read": ("read", "read"),
    "read / session": ("read", "read by session"),
}


@dataclass
class Figures:
    """What was measured on one engine; the two sides' rounds belong together by place."""

    engine: str
    ours: Site
    stock: Site
    rounds: dict[tuple[str, str], list[Round]] = field(default_factory=dict)
    races: dict[str, Outcome] = field(default_factory=dict)

    def of(self, site: Site, operation: str) -> list[Round]:
        return self.rounds.setdefault((site.name, operation), [])

    def ratios(self, operation: str) -> list[float]:
        """Return our requests a second over the stock's, for each round, smallest first."""
        pairs = zip(self.of(self.ours, operation), self.of(self.stock, operation), strict=True)
        return sorted(ours.rate / stock.rate for ours, stock in pairs)


def rate(rounds: Iterable[Round]) -> str:
    return f"{median(turn.rate for turn in rounds):.0f}"


def milliseconds(rounds: Iterable[Round], percentile: int) -> str:
    latencies = [latency for turn in rounds for latency in turn.latencies]
    return f"{quantiles(latencies, n=100)[percentile - 1] * 1000:.1f}"


def speed(figures: Iterable[Figures]) -> list[list[str]]:
    """Return the table of speeds: a line for each engine and operation."""
    head = ["", "", "req/s", "stock", "ratio", "min", "max", "p50 ms", "stock", "p99 ms", "stock"]
    lines = [head]
    for found in figures:
        for operation in OPERATIONS:
            ours, stock = found.of(found.ours, operation), found.of(found.stock, operation)
            ratios = found.ratios(operation)
            line = [found.engine, operation, rate(ours), rate(stock)]
            line += [f"{ratio:.2f}" for ratio in (median(ratios), ratios[0], ratios[-1])]
            line += [milliseconds(side, p) for p in (50, 99) for side in (ours, stock)]
            lines.append(line)
    return lines


def costs(figures: Iterable[Figures]) -> list[list[str]]:
    """Return the table of what a refresh does, and of the race for one token."""
    counted = ("statements", "writes", "rows")
    lines = [["", "", *counted, "12 callers: answered", "distinct", "living"]]
    for found in figures:
        for site in (found.ours, found.stock):
            line = [found.engine, site.name, *(f"{site.counts[name]:g}" for name in counted)]
            race = found.races[site.name]
            lines.append([*line, str(race.answered), str(race.distinct), str(race.living)])
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
