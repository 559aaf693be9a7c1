"""Results in words, in numbers with units, and as advice."""

import platform
from dataclasses import replace
from pathlib import Path

import pytest

from project.compare import machine, words
from project.compare.advice import advise
from project.compare.calls import Answer
from project.compare.claims import CLAIMS
from project.compare.logins import Way
from project.compare.measured import Measured, UnexpectedAnswerError, Value, expect, p95
from project.compare.report import as_markdown, as_text
from project.compare.results import row_of, shown
from tests.project.compare.conftest import Observed

pytestmark = [pytest.mark.slow, pytest.mark.django_db]


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (151, "bytes", "151 bytes"),
        (1, "bytes", "1 byte"),
        (982_220_800, "bytes", "982 MB"),
        (0, "ms", "0 ms"),
        (2.789, "ms", "2.79 ms"),
        (739.4, "ms", "739 ms"),
        (4378.3, "ms", "4.38 s"),
        (299_004, "ms", "299 s"),
        (3600, "s", "3600 s"),
        (43_200, "s", "12 h"),
        (3, "queries", "3"),
        (503, "status", "503"),
        (words.NO, "", "no"),
    ],
)
def test_results_have_units_that_people_read(value: Value, unit: str, text: str) -> None:
    assert shown(value, unit) == text


def test_every_word_is_translated(observed: Observed) -> None:
    used = {value for row in observed.rows.values() for value in row.values.values()}
    assert {word for word in used if isinstance(word, str)} <= words.TRANSLATED.keys()


def test_conclusions_follow_from_the_results(observed: Observed) -> None:
    row = observed.rows["queries_per_request"]
    assert row_of(row).conclusion.startswith("True on this site.")
    assert row_of(replace(row, session=0)).conclusion.startswith("Not true on this site.")
    forged = replace(observed.rows["foreign_origin"], access_cookie=words.DONE)
    assert row_of(forged).conclusion.startswith("True on this site.")
    size = Measured("bytes_per_request", 100, 300, 400)
    assert "The largest result is 4 times the smallest." in row_of(size).conclusion
    same = Measured("bytes_per_request", 100, 101, 102)
    assert "times" not in row_of(same).conclusion


def test_a_chart_has_a_bar_for_each_amount(observed: Observed) -> None:
    for row in map(row_of, observed.rows.values()):
        assert [line[:2] for line in row.lines] == row.cells
        assert [line[2] for line in row.lines] == (row.widths or [0, 0, 0])
        assert max(row.widths, default=100) == 100
    charts = {row.id for row in map(row_of, observed.rows.values()) if row.widths}
    assert {"bytes_per_request", "queries_per_request", "server_ms", "disk_bytes"} <= charts
    assert not {"database_down_now", "foreign_origin", "key_rotation"} & charts
    assert row_of(Measured("refresh_ms", 0, 0, 0)).widths == []
    assert row_of(Measured("refresh_ms", 0, 50, 200)).widths == [1, 25, 100]


def test_the_text_for_terminals_has_every_result(observed: Observed) -> None:
    for row in map(row_of, observed.rows.values()):
        text = "\n".join(as_text(row))
        assert row.id in text
        assert all(f"{title:<28}{cell}" in text for title, cell in row.cells)
        assert max(map(len, text.splitlines())) <= 100


def ways(rows: dict[str, Measured]) -> list[Way | None]:
    return [one.way for one in advise(rows)]


def test_advice_follows_from_the_results(observed: Observed) -> None:
    rows = observed.rows
    session, header, cookie = Way
    assert ways(rows) == [session, cookie, header, header, header, None]
    leaking = replace(rows["foreign_origin"], session=words.DONE)
    assert ways({**rows, "foreign_origin": leaking})[0] is cookie
    readable = replace(rows["readable_by_script"], session=words.YES, access_cookie=words.YES)
    assert ways({**rows, "readable_by_script": readable})[:2] == [None, None]
    shared = replace(rows["other_service"], access_cookie=words.YES)
    assert ways({**rows, "other_service": shared})[5] is cookie


def test_the_document_has_every_row_and_the_advice(observed: Observed) -> None:
    text = as_markdown([*observed.rows.values()], machine.describe_machine())
    assert all(f"`{row}`" in text for row in CLAIMS)
    assert all(one.reason.split()[-1] in text for one in advise(observed.rows))
    assert "| python | 3." in text
    assert "{" not in text
    long = [line for line in text.splitlines() if len(line) > 120 and line[0] != "|"]
    assert long == []


def test_the_document_in_the_repository_has_the_rows_of_the_code() -> None:
    text = Path("docs/compare.md").read_text()
    assert all(f"| {claim.claimed} `{row}` |" in text for row, claim in CLAIMS.items())


def test_the_processor_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "cpuinfo"
    monkeypatch.setattr(machine, "CPU_INFO", file)
    assert machine.processor() == platform.machine()
    file.write_text("processor\t: 0\nmodel name\t: Quick 9000\n")
    assert machine.processor() == "Quick 9000"


def test_p95_is_not_exceeded_by_95_percent() -> None:
    assert p95([7.0]) == 7
    assert p95([*range(1, 101)]) == pytest.approx(95, abs=0.1)


def test_an_unexpected_answer_stops_the_measurement() -> None:
    assert expect(Answer(200, (), b""), 200, 204).status == 200
    with pytest.raises(UnexpectedAnswerError):
        expect(Answer(401, (), b""), 200)
