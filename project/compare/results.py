"""The rows of the comparison: a claim, three results and the conclusion."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from project.compare.claim import END, Text
from project.compare.claims import CLAIMS
from project.compare.endings import INTERVAL
from project.compare.logins import Way
from project.compare.measured import Measured, Value, number
from project.compare.words import TRANSLATED

TITLES: Mapping[Way, Text] = {
    Way.SESSION: _("Session cookie"),
    Way.HEADER: _("Access token in the header"),
    Way.COOKIE: _("Access token in a cookie"),
}
AMOUNTS = ("bytes", "ms", "queries", "s")  # units of amounts, which a chart can show
RESOLUTION = round(INTERVAL * 1000)  # milliseconds between two uses of a copy
NOTABLE = 1.1  # A smaller factor between two results means nothing.


#: The geometry of a chart, in its own units.
BAR_START, LONGEST_BAR, LINE = 150, 100, 22


@dataclass(frozen=True)
class Bar:
    """A bar of a chart, with its label and its result as text, and where they are."""

    title: str
    cell: str
    y: int
    width: int
    start: int = BAR_START

    @property
    def text_y(self) -> int:
        return self.y + 10

    @property
    def end(self) -> int:
        return self.start + self.width + 4


@dataclass(frozen=True)
class Row:
    """A row of the comparison, in the language of the reader."""

    id: str
    theme: str
    claimed: str
    measured_by: str
    unit: str
    measured: Measured
    conclusion: str

    @property
    def cells(self) -> list[tuple[str, str]]:
        """The title of each way with its result, for people."""
        return [(str(TITLES[way]), self.cell(value)) for way, value in self.measured.values.items()]

    def cell(self, value: Value) -> str:
        """Return a result for people. A time that is shorter than the interval means nothing."""
        if self.theme == END and number(value) < RESOLUTION:
            return gettext("under {number} ms").format(number=RESOLUTION)
        return shown(value, self.unit)

    @property
    def bars(self) -> list[Bar]:
        """The chart of the results, or [] if they are not three amounts."""
        numbers = amounts(self.measured, self.unit)
        most = max(numbers, default=0)
        if not most or (self.theme == END and most < RESOLUTION):
            return []
        widths = [max(1, round(LONGEST_BAR * value / most)) for value in numbers]
        return [
            Bar(title, cell, LINE * index + 5, width)
            for index, ((title, cell), width) in enumerate(zip(self.cells, widths, strict=True))
        ]

    def as_json(self) -> dict[str, Any]:
        """Return the row for programs: words and units are not translated."""
        return {
            "id": self.id,
            "claimed": self.claimed,
            "measured_by": self.measured_by,
            "unit": self.unit,
            **{way.value: value for way, value in self.measured.values.items()},
            "conclusion": self.conclusion,
        }


def row_of(measured: Measured) -> Row:
    """Return the row of these results."""
    claim = CLAIMS[measured.id]
    return Row(
        id=measured.id,
        theme=claim.theme,
        claimed=str(claim.claimed),
        measured_by=str(claim.measured_by),
        unit=claim.unit,
        measured=measured,
        conclusion=conclusion(measured),
    )


def conclusion(measured: Measured) -> str:
    """Return what follows from the results."""
    claim = CLAIMS[measured.id]
    verdict = (
        gettext("True on this site.")
        if claim.holds(measured)
        else gettext("Not true on this site.")
    )
    compared = difference(measured, claim.unit) if claim.theme != END else ""
    return " ".join(filter(None, (verdict, compared, str(claim.advice))))


def amounts(measured: Measured, unit: str) -> list[float]:
    """Return the three results if they are amounts, which can be compared; otherwise []."""
    values = [*measured.values.values()]
    is_comparable = unit in AMOUNTS and not any(isinstance(value, str) for value in values)
    return [number(value) for value in values] if is_comparable else []


def difference(measured: Measured, unit: str) -> str:
    """Return how much the largest result differs from the smallest, or "" if it says nothing."""
    numbers = amounts(measured, unit)
    least, most = min(numbers, default=0), max(numbers, default=0)
    if not least or most / least < NOTABLE:
        return ""
    sentence = gettext("The largest result is {factor} times the smallest.")
    return sentence.format(factor=rounded(most / least))


def shown(value: Value, unit: str) -> str:
    """Return a result for people."""
    if isinstance(value, str):
        return str(TRANSLATED[value])
    if unit == "ms":
        return milliseconds(value)
    if unit == "s":
        return seconds(value)
    if unit == "bytes":
        return size(value)
    if unit == "tokens":
        return gettext("{number} refused").format(number=f"{value:g}")
    return f"{value:g}"


def milliseconds(value: float) -> str:
    if value >= 1000:
        return seconds(value / 1000)
    return gettext("{number} ms").format(number=rounded(value))


def seconds(value: float) -> str:
    if value >= 7200:
        return gettext("{number} h").format(number=rounded(value / 3600))
    return gettext("{number} s").format(number=rounded(value))


def rounded(value: float) -> str:
    """Return the number with three digits, or without decimals if it is longer."""
    return f"{value:.3g}" if value < 100 else str(round(value))


def size(value: float) -> str:
    if value >= 1_000_000:
        return gettext("{number} MB").format(number=round(value / 1_000_000))
    return ngettext("{number} byte", "{number} bytes", round(value)).format(number=round(value))
