"""Write the figures of a run to docs/benchmarks/, with a chart, the machine and the versions."""

import platform
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from statistics import median

from benchmarks.report import Figures
from benchmarks.sites import ROOT

DIRECTORY = ROOT / "docs" / "benchmarks"
PACKAGES = (
    *("django", "djangorestframework", "djangorestframework-simplejwt", "django-allauth"),
    *("django-rest-knox", "django-oauth-toolkit", "granian", "psycopg"),
)
INTRODUCTION = """\
Latchkey against other software, as `make bench` has measured it: in turns, on one machine, with the
server, the database and the clients on it. A ratio is Latchkey's requests per second divided by
those of the other side in the same round: the median of the rounds, the smallest and the largest.
Latchkey runs as shipped, with its throttles and its log. benchmarks/*_site.py has the settings of
each side."""
NAMES = """\
| name | Latchkey's call | the other side |
| --- | --- | --- |
| refresh, read, sign-in | the same | SimpleJWT with rotation, blacklist and the same hash |
| refresh / allauth, read / allauth, read / knox | a refresh, a read | that package |
| read / session | a read with an access token | Django's session in the database |
| account / read | `GET /api/account/me/` | SimpleJWT's read, which answers with an id only |
| refresh / one statement | a refresh | a view without middleware that executes one statement |
| read / an answer | a read | a view without middleware that only answers |
| read / a DRF answer | a read | the same by Django REST framework |
| client credentials | `POST /oauth/token` | django-oauth-toolkit, secrets hashed |
| the same / plain secret | the same | django-oauth-toolkit, secrets as plain text |
| secret as a key / own token | a read with a program's secret | Latchkey's read with a token |
| introspect / own read | `POST /oauth/introspect` | Latchkey's read with a token |

*At half load*: each side receives half of the requests per second that it has reached."""
ROW, LEFT, WIDTH = 26, 230, 420  # pixels of the chart


def write(figures: Sequence[Figures], tables: Iterable[list[list[str]]], conditions: str) -> None:
    """Write README.md and a chart for each engine."""
    DIRECTORY.mkdir(exist_ok=True)
    images = []
    for found in figures:
        file = DIRECTORY / f"{found.engine.lower()}.svg"
        file.write_text(chart(found))
        images.append(f"![Requests per second of Latchkey, {found.engine}]({file.name})")
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    parts = [
        "# Benchmarks",
        INTRODUCTION,
        *images,
        NAMES,
        *map(markdown, tables),
        conditions,
        f"{datetime.now(UTC):%Y-%m-%d}, {platform.system()} {platform.machine()}, Python"
        f" {platform.python_version()}, {versions}.",
    ]
    (DIRECTORY / "README.md").write_text("\n\n".join(parts) + "\n")


def markdown(lines: list[list[str]]) -> str:
    """Return the table in Markdown. The first line is the head."""
    head, *rest = lines
    rules = ["---"] * 2 + ["--:"] * (len(head) - 2)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [head, rules, *rest])


def chart(figures: Figures) -> str:
    """Return an SVG with a bar for the median ratio of each comparison, and a line at 1."""
    ratios = {name: median(figures.ratios(name)) for name in figures.rounds}
    most = max(*ratios.values(), 1.0)
    height = ROW * (len(ratios) + 1) + 10
    one = LEFT + WIDTH / most
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 70}" height="{height}"'
            ' font-family="sans-serif" font-size="13">',
            "<style>text{fill:#222}rect{fill:#3b6ea8}line{stroke:#222;stroke-dasharray:4 3}"
            "@media(prefers-color-scheme:dark){text{fill:#ddd}rect{fill:#7fb0e6}"
            "line{stroke:#ddd}}</style>",
            f"<title>Latchkey's requests per second, {figures.engine}</title>",
            f'<line x1="{one:.0f}" x2="{one:.0f}" y1="4" y2="{height - ROW}"/>',
            f'<text x="{one:.0f}" y="{height - 8}" text-anchor="middle">1: as fast</text>',
            *bars(ratios, WIDTH / most),
            "</svg>\n",
        ]
    )


def bars(ratios: dict[str, float], scale: float) -> Iterator[str]:
    for row, (name, ratio) in enumerate(ratios.items()):
        top, end = 4 + ROW * row, LEFT + ratio * scale
        yield f'<text x="{LEFT - 8}" y="{top + 16}" text-anchor="end">{name}</text>'
        yield f'<rect x="{LEFT}" y="{top + 3}" width="{ratio * scale:.0f}" height="{ROW - 8}"/>'
        yield f'<text x="{end + 6:.0f}" y="{top + 16}">{ratio:.2f}</text>'
