"""docs/conformance.md says what the marks on the tests say, and no trap is without a test."""

import os
import re
import subprocess
import sys

import pytest

from tests.conformance import ROOT, in_order, requirements, table

pytestmark = pytest.mark.slow

TRAPS = {*range(1, 67), 82, 87, *range(91, 100)}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The document as the marks have it now."""
    path = tmp_path_factory.mktemp("conformance") / "conformance.md"
    command = [sys.executable, "-m", "tests.conformance", str(path)]
    # Some tests are for one run only; the one on SQLite has them all.
    environment = {**os.environ, "TEST_ENGINE": "sqlite"}
    subprocess.run(command, cwd=ROOT, env=environment, check=True, timeout=120)
    return path.read_text()


def numbers(text: str, beginning: str) -> set[int]:
    """Return the numbers that follow this beginning of a line."""
    return {int(number) for number in re.findall(rf"^{re.escape(beginning)} (\d+) \|", text, re.M)}


def test_the_document_is_in_step_with_the_marks(made: str) -> None:
    kept = (ROOT / "docs" / "conformance.md").read_text()
    assert kept == made, "Run: .venv/bin/python -m tests.conformance"


def test_every_trap_is_shown_to_be_avoided(made: str) -> None:
    marked = numbers(made, "| Traps |")
    assert marked == TRAPS, sorted(TRAPS ^ marked)


def test_every_trap_is_described() -> None:
    described = numbers((ROOT / "docs" / "traps.md").read_text(), "|")
    assert described == TRAPS


@pytest.mark.parametrize("document", ["conformance.md", "threat-model.md"])
def test_every_test_that_a_document_names_exists(document: str) -> None:
    text = (ROOT / "docs" / document).read_text()
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
def test_a_mark_says_what_is_proved(mark: pytest.Mark, proved: list[tuple[str, str]]) -> None:
    assert requirements(mark) == proved


def test_requirements_stand_in_the_order_of_their_numbers() -> None:
    sections = [("B", "1"), ("A", "10.1"), ("A", "9.2"), ("A", "9.10"), ("A", "9")]
    assert sorted(sections, key=in_order) == [
        ("A", "9"),
        ("A", "9.2"),
        ("A", "9.10"),
        ("A", "10.1"),
        ("B", "1"),
    ]


def test_a_line_names_every_proof_once_and_in_order() -> None:
    proofs = {("A", "1"): {"[b](../b)", "[a](../a)"}}
    assert table(proofs) == "| A | 1 | [a](../a)<br>[b](../b) |\n"
