"""Which tests prove which requirement: docs/conformance.md, made of the marks that tests carry.

`python -m tests.conformance` writes it; with a path it writes there.
"""

import re
import sys
from collections import defaultdict
from pathlib import Path
from typing import TypeAlias

import pytest

Requirement: TypeAlias = tuple[str, str]  # a document and its section

ROOT = Path(__file__).resolve().parent.parent
TRAPS = "Traps"
HEAD = """# Conformance

Which tests prove which requirement, by the marks on the tests. ASVS is OWASP's Application Security
Verification Standard; the traps are those of [traps.md](traps.md). Made by
`.venv/bin/python -m tests.conformance`; not to be edited.

| document | section | is proved by |
|---|---|---|
"""


class Marks:
    """A plugin of pytest that notes what the tests it finds are marked with."""

    def __init__(self) -> None:
        self.proofs: dict[Requirement, set[str]] = defaultdict(set)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        for item in session.items:
            assert isinstance(item, pytest.Function)
            for mark in item.iter_markers():
                for requirement in requirements(mark):
                    self.proofs[requirement].add(link(item))


def requirements(mark: pytest.Mark) -> list[Requirement]:
    """Return what a test with this mark proves."""
    match mark.name, mark.args:
        case "spec", (document, *sections):
            return [(document, section) for section in sections]
        case "trap", numbers:
            return [(TRAPS, str(number)) for number in numbers]
    return []


def link(item: pytest.Function) -> str:
    """Return the promise of the test, leading to its file."""
    promise = item.originalname.removeprefix("test_").replace("_", " ")
    return f"[{promise}](../{item.path.relative_to(ROOT).as_posix()})"


def table(proofs: dict[Requirement, set[str]]) -> str:
    """Return a line for each requirement, in the order of their numbers."""
    return "".join(
        f"| {document} | {section} | {'<br>'.join(sorted(proofs[document, section]))} |\n"
        for document, section in sorted(proofs, key=in_order)
    )


def in_order(requirement: Requirement) -> tuple[str, list[int]]:
    document, section = requirement
    return document, [int(number) for number in re.findall(r"\d+", section)]


def main(path: Path) -> int:
    """Write the document, unless pytest cannot find the tests; return what it says of that."""
    marks = Marks()
    silently = ["--collect-only", "--assert=plain", "-p", "no:terminal", "-p", "no:cacheprovider"]
    found = pytest.main([*silently, str(ROOT / "tests")], plugins=[marks])
    if found == pytest.ExitCode.OK:
        path.write_text(HEAD + table(marks.proofs))
    return int(found)


if __name__ == "__main__":
    sys.exit(main(Path(*sys.argv[1:]) if sys.argv[1:] else ROOT / "docs" / "conformance.md"))
