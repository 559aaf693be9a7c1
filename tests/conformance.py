"""Write docs/conformance.md: which tests prove which requirement, by the marks on the tests.

`make conformance` runs this. It fails if a requirement has no test, or if a mark names a section
that is not in tests/requirements.py. With a path it writes there.
"""

import re
import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.requirements import ROOT, TRAPS, Requirement, requirements

HEAD = """# Conformance

`make conformance` writes this file from the marks on the tests. ASVS is OWASP's Application
Security Verification Standard; the traps are those of [traps.md](traps.md).

| document | section | is proved by |
|---|---|---|
"""


class Marks:
    """A pytest plugin that collects the requirements in the marks of the tests."""

    def __init__(self) -> None:
        self.proofs: dict[Requirement, set[str]] = defaultdict(set)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        for item in session.items:
            assert isinstance(item, pytest.Function)
            for mark in item.iter_markers():
                for requirement in proved_by(mark):
                    self.proofs[requirement].add(link(item))


def proved_by(mark: pytest.Mark) -> list[Requirement]:
    """Return the requirements that a test with this mark proves."""
    match mark.name, mark.args:
        case "spec", (document, *sections):
            return [(document, section) for section in sections]
        case "trap", numbers:
            return [(TRAPS, str(number)) for number in numbers]
    return []


def link(item: pytest.Function) -> str:
    """Return the name of the test in words, as a link to its file."""
    promise = item.originalname.removeprefix("test_").replace("_", " ")
    return f"[{promise}](../{item.path.relative_to(ROOT).as_posix()})"


def table(proofs: dict[Requirement, set[str]]) -> str:
    """Return a line for each requirement, ordered by document and section number."""
    return "".join(
        f"| {document} | {section} | {'<br>'.join(sorted(proofs[document, section]))} |\n"
        for document, section in sorted(proofs, key=in_order)
    )


def in_order(requirement: Requirement) -> tuple[str, list[int]]:
    document, section = requirement
    return document, [int(number) for number in re.findall(r"\d+", section)]


def objections(proved: Iterable[Requirement]) -> list[str]:
    """Return a sentence for each requirement without a test and each unknown section."""
    known, proved = requirements(), {*proved}
    return [
        *(f"No test proves {' '.join(one)}." for one in sorted(known - proved, key=in_order)),
        *(
            f"A test names {' '.join(one)}, which tests/requirements.py does not have."
            for one in sorted(proved - known, key=in_order)
        ),
    ]


def main(path: Path) -> int:
    """Write the document. Return 0 unless pytest finds no tests or there are objections."""
    marks = Marks()
    silently = ["--collect-only", "--assert=plain", "-p", "no:terminal", "-p", "no:cacheprovider"]
    found = pytest.main([*silently, str(ROOT / "tests")], plugins=[marks])
    if found != pytest.ExitCode.OK:
        return int(found)
    path.write_text(HEAD + table(marks.proofs))
    wrong = objections(marks.proofs)
    sys.stderr.writelines(f"{sentence}\n" for sentence in wrong)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(Path(*sys.argv[1:]) if sys.argv[1:] else ROOT / "docs" / "conformance.md"))
