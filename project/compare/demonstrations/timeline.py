"""The geometry of a chart with one bar for each caller of a race.

Horizontal positions are percentages, so the chart fits any width with text of the same size.
Vertical positions are in em.
"""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from project.compare.demonstrations.race import Caller, Race

LEFT, RIGHT = 9.0, 70.0  # percent: the bars are between them, the answers to the right
ROW, TOP = 1.5, 1.8  # em: the height of a row, and of the axis above the first
MOST_TICKS = 4
LABELS = {
    "wrote": _("wrote"),
    "again": _("same"),
    "refused": _("none"),
}


@dataclass(frozen=True)
class Bar:
    """One caller: a bar from start to end, with its answer in words."""

    caller: Caller
    kind: str  # "wrote", "again" or "refused"
    label: str | Promise
    top: str
    baseline: str
    ends: tuple[str, str]  # of the line at `looked`, which is longer than the bar is high
    left: str
    width: str
    looked: str | None


@dataclass(frozen=True)
class Tick:
    """A line at this time, in milliseconds."""

    time: int
    left: str


@dataclass(frozen=True)
class Timeline:
    """All bars and the lines behind them. `ground` is the lower end of the lines."""

    bars: list[Bar]
    ticks: list[Tick]
    height: str
    ground: str


def timeline(race: Race) -> Timeline:
    """Return the chart of the race, from the first start to the last end."""
    end = max(caller.ended for caller in race.callers)
    step = tick_step(end)
    bottom = TOP + ROW * len(race.callers)
    return Timeline(
        bars=[bar(row, caller, end) for row, caller in enumerate(race.callers)],
        ticks=[Tick(time, percent(time, end)) for time in range(0, int(end) + 1, step)],
        height=em(bottom + 0.3),
        ground=em(bottom),
    )


def bar(row: int, caller: Caller, end: float) -> Bar:
    kind = "wrote" if caller.wrote else "again" if caller.status == 200 else "refused"
    top = TOP + ROW * row
    return Bar(
        caller=caller,
        kind=kind,
        label=LABELS[kind],
        top=em(top + 0.25),
        baseline=em(top + 1.1),
        ends=(em(top + 0.05), em(top + 1.45)),
        left=percent(caller.started, end),
        width=f"{(caller.ended - caller.started) / end * (RIGHT - LEFT):.2f}%",
        looked=None if caller.looked is None else percent(caller.looked, end),
    )


def tick_step(end: float) -> int:
    """Return 1, 2 or 5 times a power of ten: the smallest that needs at most MOST_TICKS lines."""
    size = 1
    while True:
        for step in (size, 2 * size, 5 * size):
            if end / step < MOST_TICKS:
                return step
        size *= 10


def percent(time: float, end: float) -> str:
    return f"{LEFT + time / end * (RIGHT - LEFT):.2f}%"


def em(number: float) -> str:
    return f"{number:.2f}em"
