"""The command prints what the page shows."""

import io
import json
from pathlib import Path

import pytest
from django.core.management import call_command

from project.compare.claims import CLAIMS
from project.compare.logins import Way
from project.management.commands import compare
from tests.project.compare.conftest import Observed, counts
from tokens.keys.keyring import keyring

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


def test_it_prints_json(second_site: None, capsys: pytest.CaptureFixture[str]) -> None:
    keyring.current()
    before = counts()
    call_command("compare", "--json")
    facts = json.loads(capsys.readouterr().out)
    assert [row["id"] for row in facts["rows"]] == [*CLAIMS]
    assert all(row.keys() >= {"claimed", "measured_by", "unit", *Way} for row in facts["rows"])
    assert facts["machine"]["cores"] > 0
    assert counts() == before


def test_it_prints_each_row(observed: Observed) -> None:
    printed = io.StringIO()
    command = compare.Command(stdout=printed)
    command.report(observed.rows.values(), json=False, markdown=False)
    assert all(f"[{row}]" in printed.getvalue() for row in CLAIMS)


def test_it_writes_the_document(
    observed: Observed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "compare.md"
    monkeypatch.setattr(compare, "DOCUMENT", file)
    printed = io.StringIO()
    compare.Command(stdout=printed).report(observed.rows.values(), json=False, markdown=True)
    assert file.read_text().startswith("# Session cookies and access tokens, compared\n")
    assert file.name in printed.getvalue()
