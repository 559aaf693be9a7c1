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
    def lines(self) -> list[tuple[str, str, int]]:
        """The cells, each with the width of its bar, in percent of the longest one."""
        widths = self.widths or [0] * len(self.cells)
        return [(*cell, width) for cell, width in zip(self.cells, widths, strict=True)]

    @property
    def widths(self) -> list[int]:
        """The widths of the bars in percent, or [] if the results are not three amounts."""
        numbers = amounts(self.measured, self.unit)
        most = max(numbers, default=0)
        if not most or (self.theme == END and most < RESOLUTION):
            return []
        return [max(1, round(100 * value / most)) for value in numbers]

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
