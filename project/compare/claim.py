"""What a claim is: how it is measured, and whether the results confirm it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from project.compare.measured import Measured, number

Text: TypeAlias = str | Promise

COST, END, ATTACK, APART = "cost", "end", "attack", "apart"
THEMES: Mapping[str, Text] = {
    COST: _("What it costs"),
    ATTACK: _("What an attacker can do"),
    END: _("How long a copy works"),
    APART: _("What works without the site"),
}


@dataclass(frozen=True)
class Claim:
    """A claim of the essays about tokens and sessions, in our own words.

    `holds` tells whether the results confirm it, and `advice` what follows.
    """

    theme: str
    claimed: Text
    measured_by: Text
    unit: str
    holds: Callable[[Measured], bool]
    advice: Text = ""


def more_with_tokens(row: Measured) -> bool:
    return min(number(row.access_header), number(row.access_cookie)) > number(row.session)


def less_with_tokens(row: Measured) -> bool:
    return max(number(row.access_header), number(row.access_cookie)) < number(row.session)
