"""What a measurement returns: three results, one for each way of authentication."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import quantiles
from typing import Self, TypeAlias

from project.compare.calls import Answer
from project.compare.logins import Way

#: A number, or one of the words in project/compare/words.py.
Value: TypeAlias = int | float | str
Samples: TypeAlias = dict[Way, list[float]]


class UnexpectedAnswerError(RuntimeError):
    """The site refused a call that must succeed, so nothing was measured."""


@dataclass(frozen=True)
class Measured:
    """The three results of a row, and the single measurements behind them if there are several."""

    id: str
    session: Value
    access_header: Value
    access_cookie: Value
    samples: Mapping[Way, Sequence[float]] = field(default_factory=dict)

    @classmethod
    def of(cls, row: str, values: Mapping[Way, Value], samples: Samples | None = None) -> Self:
        return cls(row, values[Way.SESSION], values[Way.HEADER], values[Way.COOKIE], samples or {})

    @classmethod
    def tokens(cls, row: str, session: Value, both: Value) -> Self:
        """Return a result that is the same for the token in the header and in the cookie."""
        return cls(row, session, both, both)

    @property
    def values(self) -> dict[Way, Value]:
        return {
            Way.SESSION: self.session,
            Way.HEADER: self.access_header,
            Way.COOKIE: self.access_cookie,
        }

    @property
    def rounded_samples(self) -> dict[str, list[float]]:
        """The single measurements for programs, by the name of the way."""
        return {
            way.value: [round(value, 3) for value in values] for way, values in self.samples.items()
        }


#: Closing it removes what the measurement created.
Results: TypeAlias = Generator[Measured, None, None]


def p95(samples: Sequence[float]) -> float:
    """Return the value that 95 % of the samples do not exceed."""
    if len(samples) == 1:
        return samples[0]
    return quantiles(samples, n=20, method="inclusive")[-1]


def expect(answer: Answer, *statuses: int) -> Answer:
    """Return the answer if it has one of the statuses, or raise UnexpectedAnswerError."""
    if answer.status not in statuses:
        raise UnexpectedAnswerError(f"The site answered {answer.status} instead of {statuses}.")
    return answer


def number(value: Value) -> float:
    """Return the number, or infinity for a word."""
    return float("inf") if isinstance(value, str) else value
