"""The page measures for every visitor, is limited, and leaves nothing behind."""

import re
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accounts.models import User
from project.compare import page, second
from project.compare.caller import PATH
from project.compare.claim import THEMES
from project.compare.claims import CLAIMS
from project.compare.logins import Way
from tests.conftest import API, Answer, allow
from tests.project.compare.conftest import counts
from tests.support.people import signed_in
from tokens.keys.keyring import keyring

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
#: The rows that other programs read.
PROMISED = (
    *("bytes_per_request", "bytes_with_100_roles", "queries_per_request", "server_ms"),
    *("refused_after_sign_out_ms", "refused_after_password_change_ms", "readable_by_script"),
    *("foreign_origin", "other_service", "stolen_copy", "disk_bytes"),
)
FORMATS: list[dict[str, Any]] = [
    {"data": {"format": "json"}},
    {"headers": {"Accept": "application/json"}},
]


@pytest.fixture(autouse=True)
def signing_key(transactional_db: None) -> None:
    """Create the signing key, which remains."""
    keyring.current()


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second process ends immediately."""
    monkeypatch.setattr(second, "COMMAND", [sys.executable, "-c", ""])


def open_page(client: Client) -> tuple[Answer, Iterator[bytes]]:
    answer: Answer = client.get("/compare/")
    assert answer.status_code == 200
    return answer, iter(answer.streaming_content)


def test_the_page_has_every_row_and_no_token(second_site: None, client: Client) -> None:
    before = counts()
    answer, pieces = open_page(client)
    html = b"".join(pieces).decode()
    assert re.findall(r'<article class="claim" id="(\w+)"', html) == [*CLAIMS]
    assert html.count("<table>") == len(CLAIMS)
    assert html.count("<h2") == len(THEMES) + 1
    assert "Run again" in html
    assert html.rstrip().endswith("</html>")
    assert not re.search(r"eyJ[\w-]+\.", html)
    assert "no-store" in answer["Cache-Control"]
    assert counts() == before


def test_programs_receive_the_raw_results(second_site: None, client: Client) -> None:
    answer = client.get("/compare/", {"format": "json"})
    facts = answer.json()
    rows = {row["id"]: row for row in facts["rows"]}
    assert rows.keys() >= {*PROMISED}
    for row in rows.values():
        assert row.keys() >= {"id", "claimed", "measured_by", "unit", *Way}
    assert len(facts["samples"]["server_ms"]["session"]) == 100
    assert facts["machine"]["database"].lower().startswith(connection.vendor)
    assert "eyJ" not in answer.text


def test_a_visitor_who_leaves_ends_the_run(second_site: None, client: Client) -> None:
    before = counts()
    answer, pieces = open_page(client)
    for _ in range(4):
        next(pieces)
    assert counts() != before
    answer.close()
    assert counts() == before
    assert not page.running.locked()


def test_an_unread_answer_does_not_block_the_next_run(client: Client) -> None:
    answer, _ = open_page(client)
    assert page.running.locked()
    answer.close()
    assert not page.running.locked()


@pytest.mark.parametrize("asked", [{}, *FORMATS], ids=["page", "format", "accept"])
def test_one_run_at_a_time(client: Client, asked: dict[str, Any]) -> None:
    with page.exclusive():
        answer = client.get("/compare/", **asked)
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) == page.SECONDS


def test_runs_are_limited_per_network(
    client: Client, settings: Settings, fresh_counters: None
) -> None:
    allow(settings, comparison="2 per minute")
    for _ in range(2):
        answer, _ = open_page(client)
        answer.close()
    assert client.get("/compare/").status_code == 429


def test_a_head_request_measures_nothing(broken: None, client: Client) -> None:
    answer = client.head("/compare/")
    assert (answer.status_code, answer.streaming) == (200, False)
    assert not page.running.locked()


def test_a_failed_measurement_is_told(broken: None, client: Client) -> None:
    before = counts()
    html = b"".join(open_page(client)[1]).decode()
    assert "A measurement failed" in html
    assert html.rstrip().endswith("</html>")
    assert counts() == before
    assert not page.running.locked()


@pytest.mark.parametrize("asked", FORMATS, ids=["format", "accept"])
def test_a_failure_is_no_page_for_programs(
    broken: None, client: Client, asked: dict[str, Any]
) -> None:
    with pytest.raises(RuntimeError, match="second process"):
        client.get("/compare/", **asked)
    assert not page.running.locked()


@pytest.mark.parametrize("known", [False, True], ids=["visitor", "alice"])
def test_the_page_needs_at_most_four_queries(client: Client, alice: User, *, known: bool) -> None:
    visitor = signed_in(alice).client if known else client
    with CaptureQueriesContext(connection) as captured:
        answer, pieces = open_page(visitor)
        assert b"The site is measuring" in next(pieces)
    answer.close()
    assert len(captured) <= (3 if known else 0)  # The end asks the database for its version.


def test_without_demo_there_is_no_page(client: Client, settings: Settings) -> None:
    assert "/compare/" in client.get("/").text
    settings.DEMO = False
    assert "/compare/" not in client.get("/").text
    assert client.get("/compare/").status_code == 404


def test_other_callers_cannot_call_the_measured_view(api: API, alice: User) -> None:
    bearer = {"Authorization": f"Bearer {api.login(alice)['access']}"}
    for headers in ({}, bearer, {"latchkey.measured": "1", **bearer}):
        assert Client().get(PATH, headers=headers).status_code == 404
    assert signed_in(alice).client.get(PATH).status_code == 404
