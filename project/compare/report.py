"""The comparison as JSON, as text for a terminal and as docs/compare.md."""

import json
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

from project.compare.advice import advise
from project.compare.claim import THEMES
from project.compare.measured import Measured
from project.compare.results import TITLES, Row, row_of

WIDTH = 100
DOC_WIDTH = 120
INTRODUCTION = (
    "# Session cookies and access tokens, compared",
    "This page compares three ways to recognise a user on this site: Django's session cookie, an"
    " access token in the `Authorization` header, and an access token in an HttpOnly cookie."
    " `manage.py compare --markdown` measures everything again and writes this page. The page"
    " `/compare/` does the same in a browser, and `manage.py compare` in a terminal.",
    "Each row has a claim that essays about tokens make, and what this site does. The numbers are"
    " those of one run on the machine below; a small difference between two numbers means nothing.",
)


def as_json(measured: Sequence[Measured], machine: dict[str, Any]) -> dict[str, Any]:
    """Return the rows, the machine, and the single measurements behind medians."""
    samples = {one.id: one.rounded_samples for one in measured if one.samples}
    return {
        "rows": [row_of(one).as_json() for one in measured],
        "machine": machine,
        "samples": samples,
    }


def as_text(row: Row) -> Iterable[str]:
    """Yield the lines of the row for a terminal."""
    yield textwrap.fill(f"{row.claimed}  [{row.id}]", WIDTH)
    for title, cell in row.cells:
        yield f"    {title:<28}{cell}"
    yield textwrap.fill(row.conclusion, WIDTH, initial_indent="    ", subsequent_indent="    ")
    yield ""


def as_markdown(measured: Sequence[Measured], machine: dict[str, Any]) -> str:
    """Return the text of docs/compare.md."""
    rows = [row_of(one) for one in measured]
    parts = [textwrap.fill(paragraph, DOC_WIDTH) + "\n" for paragraph in INTRODUCTION]
    for theme, title in THEMES.items():
        parts.append(f"## {title}\n\n{table([row for row in rows if row.theme == theme])}")
        parts.append(explained([row for row in rows if row.theme == theme]))
    return "\n".join([*parts, machine_section(machine), advice_section(measured)])


def table(rows: Sequence[Row]) -> str:
    """Return the rows as a table of Markdown."""
    lines = [["claim", *map(str, TITLES.values()), "conclusion"], ["---"] * 5]
    lines += [
        [f"{row.claimed} `{row.id}`", *(cell for _, cell in row.cells), row.conclusion]
        for row in rows
    ]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def explained(rows: Sequence[Row]) -> str:
    """Return how the rows are measured, each method once."""
    methods: dict[str, list[str]] = {}
    for row in rows:
        methods.setdefault(row.measured_by, []).append(f"`{row.id}`")
    return "".join(bullet(f"{', '.join(names)}: {method}") for method, names in methods.items())


def bullet(text: str) -> str:
    return textwrap.fill(text, DOC_WIDTH, initial_indent="- ", subsequent_indent="  ") + "\n"


def machine_section(machine: dict[str, Any]) -> str:
    facts = "".join(f"| {name.replace('_', ' ')} | {value} |\n" for name, value in machine.items())
    return f"## The machine\n\nDurations are in seconds.\n\n| | |\n|---|---|\n{facts}"


def advice_section(measured: Sequence[Measured]) -> str:
    paragraphs = [
        textwrap.fill(f"**{one.application}: {one.title}.** {one.reason}", DOC_WIDTH) + "\n"
        for one in advise({row.id: row for row in measured})
    ]
    return "\n".join(["## What to use\n", *paragraphs])


def dumps(facts: dict[str, Any]) -> str:
    return json.dumps(facts, indent=2)
