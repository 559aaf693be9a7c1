"""The chart has the numbers of the race."""

from itertools import pairwise

import pytest

from project.compare.demonstrations.race import Caller, Race
from project.compare.demonstrations.timeline import LEFT, RIGHT, tick_step, timeline

CALLERS = [
    Caller(1, 0.0, 40.0, 200, 2, wrote=True),
    Caller(2, 10.0, 80.0, 200, 2, wrote=False),
    Caller(3, 20.0, 60.0, 409, None, wrote=False, looked=30.0),
]
CHART = timeline(Race(CALLERS, successors=1, rows_written=1, rows_added=0))


def time_at(position: str) -> float:
    """Return the time at this position of the chart in milliseconds."""
    return (float(position.removesuffix("%")) - LEFT) / (RIGHT - LEFT) * 80


def test_bars_begin_and_end_at_the_times_of_the_callers() -> None:
    for bar in CHART.bars:
        width = float(bar.width.removesuffix("%")) / (RIGHT - LEFT) * 80
        assert time_at(bar.left) == pytest.approx(bar.caller.started, abs=0.02)
        assert width == pytest.approx(bar.caller.ended - bar.caller.started, abs=0.02)
    assert [bar.looked and round(time_at(bar.looked)) for bar in CHART.bars] == [None, None, 30]


def test_kinds_differ_in_shape_and_in_words() -> None:
    assert [(bar.kind, str(bar.label)) for bar in CHART.bars] == [
        ("wrote", "wrote"),
        ("again", "same"),
        ("refused", "none"),
    ]


def test_rows_do_not_overlap() -> None:
    tops = [float(bar.top.removesuffix("em")) for bar in CHART.bars]
    assert all(later - earlier >= 1 for earlier, later in pairwise(tops))
    assert float(CHART.ground.removesuffix("em")) < float(CHART.height.removesuffix("em"))


def test_ticks_are_at_round_times() -> None:
    assert [tick.time for tick in CHART.ticks] == [0, 50]
    assert [round(time_at(tick.left)) for tick in CHART.ticks] == [0, 50]


@pytest.mark.parametrize(
    ("end", "step"), [(0.5, 1), (3.9, 1), (4.0, 2), (19, 5), (80, 50), (81, 50), (450, 200)]
)
def test_the_step_of_the_ticks(end: float, step: int) -> None:
    assert tick_step(end) == step
