"""Every requirement has a test, and docs/conformance.md says which."""

import os
import re
import subprocess
import sys

import pytest

from tests.conformance import in_order, objections, proved_by, table
from tests.requirements import ROOT, TRAPS, requirements

pytestmark = pytest.mark.slow

NUMBERS = {*range(1, 78), *range(81, 88), *range(91, 100)}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The document as the marks have it now. The generator fails if a requirement has no test."""
    path = tmp_path_factory.mktemp("conformance") / "conformance.md"
    command = [sys.executable, "-m", "tests.conformance", str(path)]
    # Some tests run on one engine only. All of them are collected on SQLite.
    environment = {**os.environ, "TEST_ENGINE": "sqlite"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, check=False, timeout=120, stderr=subprocess.PIPE
    )
    assert done.returncode == 0, done.stderr.decode()
    return path.read_text()


def numbers(text: str, beginning: str) -> set[int]:
    """Return the numbers after this text at the beginning of a line."""
    return {int(number) for number in re.findall(rf"^{re.escape(beginning)} (\d+) \|", text, re.M)}


def test_every_requirement_is_in_the_document(made: str) -> None:
    rows = re.findall(r"^\| ([^|]+) \| ([\d.]+) \| \[", made, re.MULTILINE)
    assert {*rows} == requirements()
    assert len(rows) == len({*rows}) > 180


def test_a_requirement_without_a_test_is_reported() -> None:
    proved = requirements() - {(TRAPS, "64"), ("RFC 9700", "2.2.2")}
    assert objections(proved) == ["No test proves RFC 9700 2.2.2.", "No test proves Traps 64."]


def test_an_unknown_section_is_reported() -> None:
    proved = requirements() | {("RFC 9700", "99"), (TRAPS, "1000")}
    assert objections(proved) == [
        "A test names RFC 9700 99, which tests/requirements.py does not have.",
        "A test names Traps 1000, which tests/requirements.py does not have.",
    ]


def test_nothing_is_reported_if_every_requirement_is_proved() -> None:
    assert objections(requirements()) == []


def test_every_trap_has_a_test(made: str) -> None:
    assert numbers(made, "| Traps |") == NUMBERS


def test_every_trap_is_described() -> None:
    assert numbers((ROOT / "docs/traps.md").read_text(), "|") == NUMBERS


@pytest.mark.parametrize("document", ["conformance.md", "threat-model.md"])
def test_every_test_named_in_a_document_exists(document: str, made: str) -> None:
    text = made if document == "conformance.md" else (ROOT / "docs" / document).read_text()
    named = re.findall(r"\[([\w ]+)\]\(\.\./(tests/[\w/]+\.py)\)", text)
    assert len(named) > 50
    for promise, file in named:
        name = f"test_{promise.removeprefix('test_').replace(' ', '_')}"
        assert f"def {name}(" in (ROOT / file).read_text()


@pytest.mark.parametrize(
    ("mark", "proved"),
    [
        (pytest.mark.spec("RFC 1", "2", "3.4").mark, [("RFC 1", "2"), ("RFC 1", "3.4")]),
        (pytest.mark.trap(7).mark, [("Traps", "7")]),
        (pytest.mark.trap(1, 64).mark, [("Traps", "1"), ("Traps", "64")]),
        (pytest.mark.soak.mark, []),
    ],
    ids=["spec", "trap", "two traps", "another mark"],
)
def test_a_mark_names_its_requirements(mark: pytest.Mark, proved: list[tuple[str, str]]) -> None:
    assert proved_by(mark) == proved


def test_requirements_are_ordered_by_number() -> None:
    sections = [("B", "1"), ("A", "10.1"), ("A", "9.2"), ("A", "9.10"), ("A", "9")]
    assert sorted(sections, key=in_order) == [
        ("A", "9"),
        ("A", "9.2"),
        ("A", "9.10"),
        ("A", "10.1"),
        ("B", "1"),
    ]


def test_a_line_lists_each_test_once_and_in_order() -> None:
    proofs = {("A", "1"): {"[b](../b)", "[a](../a)"}}
    assert table(proofs) == "| A | 1 | [a](../a)<br>[b](../b) |\n"
