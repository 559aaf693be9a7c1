"""Visitors see the race and the thief without an account, and learn no token."""

import re
import time
from dataclasses import replace
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.template.loader import render_to_string
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accounts.models import User
from project.compare.demonstrations import pages, race, theft
from project.compare.demonstrations.race import Races
from project.compare.demonstrations.story import Actor, Outcome
from project.compare.demonstrations.theft import Stories
from project.compare.page import exclusive
from tests.conftest import allow
from tests.project.compare.demonstrations.conftest import counts
from tests.support.people import signed_in
from tokens.models import DeviceSession

pytestmark = [
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("signing_key"),
]

RACE, THEFT = "/compare/race/", "/compare/theft/"
both = pytest.mark.parametrize("path", [RACE, THEFT])


def text_of(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def test_the_page_of_the_race_has_the_numbers_of_the_result(client: Client) -> None:
    answer = client.get(RACE)
    result: Races = answer.context["result"]
    sections = re.findall(r"<section.*?</section>", answer.text, re.DOTALL)
    for name, html in zip(pages.TITLES, sections, strict=True):
        shown = getattr(result, name)
        rows = re.findall(r"<tr>\s*<th scope=\"row\">(\d+)</th>(.*?)</tr>", html, re.DOTALL)
        assert [int(number) for number, _ in rows] == [caller.number for caller in shown.callers]
        for caller, (_, cells) in zip(shown.callers, rows, strict=True):
            numbers = [float(cell) for cell in re.findall(r"<td>([\d.]+)</td>", cells)]
            looked = [] if caller.looked is None else [caller.looked]
            expected = [caller.started, *looked, caller.ended, caller.status]
            assert numbers == pytest.approx(expected, abs=0.051)
        counted = re.findall(r"<strong>(\d+)</strong>", html)
        assert [int(number) for number in counted] == [
            shown.successors,
            shown.rows_written,
            shown.rows_added,
        ]
        assert len(re.findall(r"<rect ", html)) == 12
    words = text_of(answer.text)
    assert "On this site 1 successor Look, then write" in words
    assert ("SQLite lets one caller write at a time" in words) is (connection.vendor == "sqlite")


@pytest.mark.parametrize(("successors", "said"), [(1, True), (12, False)], ids=["one", "all"])
def test_the_page_explains_a_race_that_few_have_won(
    client: Client, successors: int, said: bool
) -> None:
    result: Races = client.get(RACE).context["result"]
    sandbox = replace(result.look_then_write, successors=successors)
    result = replace(result, look_then_write=sandbox)
    context = pages.RacePage().explain(result)
    words = text_of(render_to_string("race.html", {"result": result, **context}))
    assert ("no second caller looked before the first one had written" in words) is said


def test_the_page_of_the_thief_has_every_answer(client: Client) -> None:
    answer = client.get(THEFT)
    steps = [step for story in vars(answer.context["result"]).values() for step in story]
    shown = [
        unescape(text)
        for text in re.findall(r"<pre><code>(.*?)</code></pre>", answer.text, re.DOTALL)
    ]
    made = [step.call for step in steps if step.call]
    assert shown == [text for call in made for text in (call.answer, call.request)]
    assert answer.text.count("<h3>") == len(steps) > len(made)
    words = text_of(answer.text)
    for outcome in {call.outcome for call in made}:
        assert str(pages.OUTCOMES[outcome]) in words
    assert "Session: generation 2, ended (a spent refresh token was presented)." in words


def test_every_actor_and_outcome_has_words() -> None:
    assert pages.ACTORS.keys() == {*Actor}
    assert pages.OUTCOMES.keys() == {*Outcome}
    races = {*Races.__dataclass_fields__} - {"engine"}
    assert pages.TITLES.keys() == races
    assert pages.STORIES.keys() == Stories.__dataclass_fields__.keys()


@both
@pytest.mark.parametrize("query", ["", "?format=json"])
def test_no_part_of_a_token_that_is_not_cut_is_shown(client: Client, path: str, query: str) -> None:
    words = re.findall(r"eyJ[\w-]*", client.get(path + query).text)
    assert {*words} <= {"eyJhbGciOi"}  # {"alg":
    assert bool(words) is (path == THEFT)


def test_the_raw_results_are_json(client: Client) -> None:
    answer = client.get(f"{RACE}?format=json")
    assert answer["Content-Type"] == "application/json"
    assert "no-store" in answer["Cache-Control"]
    raw = answer.json()
    assert raw["engine"].lower() == connection.vendor
    for name in pages.TITLES:
        statuses = [caller["status"] for caller in raw[name]["callers"]]
        assert len(statuses) == 12
        if name != "look_then_write":
            assert (raw[name]["successors"], raw[name]["rows_written"]) == (1, 1)
    assert raw["own_keys"]["callers"][0].keys() >= {"started", "ended", "generation", "wrote"}
    stories = client.get(f"{THEFT}?format=json").json()
    assert stories["with_key"][2]["call"]["outcome"] == "rotated"
    assert stories["with_key"][2]["action"].startswith("refreshes. ")


@both
def test_nothing_remains_of_a_view(client: Client, alice: User, path: str) -> None:
    person = signed_in(alice)
    before = counts(), [*DeviceSession.objects.values()]
    assert client.get(path).status_code == 200
    assert person.client.get(path).status_code == 200
    assert (counts(), [*DeviceSession.objects.values()]) == before


@both
def test_the_page_does_not_exist_without_demo(
    client: Client, settings: Settings, path: str
) -> None:
    settings.DEMO = False
    assert client.get(path).status_code == 404
    assert User.objects.count() == 0


@both
@pytest.mark.parametrize("method", ["get", "head"])
@pytest.mark.usefixtures("fresh_counters")
def test_views_are_throttled_by_network(
    client: Client, settings: Settings, path: str, method: str
) -> None:
    allow(settings, demo="1 per minute")
    assert getattr(client, method)(path).status_code == 200
    answer = getattr(client, method)(path)
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) > 0
    assert getattr(client, method)(path, REMOTE_ADDR="198.51.100.9").status_code == 200


@both
def test_other_methods_are_refused(client: Client, path: str) -> None:
    assert client.post(path).status_code == 405


@both
def test_one_demonstration_at_a_time(client: Client, path: str) -> None:
    """A visitor who waited would occupy a thread of the server."""
    with exclusive():
        began = time.monotonic()
        answer = client.get(path)
        assert time.monotonic() - began < 1
    assert (answer.status_code, answer["Retry-After"]) == (429, "15")
    assert "Another demonstration is running." in answer.text
    assert client.get(path).status_code == 200


def test_a_failed_race_lets_the_next_one_run(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.raise_request_exception = False
    with monkeypatch.context() as patch:
        patch.setattr(race, "CALLERS", "not a number")
        assert client.get(RACE).status_code == 500
    assert client.get(RACE).status_code == 200


@both
def test_a_page_needs_four_queries_besides_the_demonstration(alice: User, path: str) -> None:
    demonstration: Any = {RACE: race.run, THEFT: theft.run}[path]
    person = signed_in(alice)
    person.client.get(path)
    with CaptureQueriesContext(connection) as alone:
        demonstration()
    with CaptureQueriesContext(connection) as whole:
        person.client.get(path)
    assert 0 <= len(whole) - len(alone) <= 4


@both
def test_no_text_depends_on_a_grace_period_that_is_off(
    client: Client, settings: Settings, path: str
) -> None:
    settings.TOKENS = {**settings.TOKENS, "GRACE_PERIOD": timedelta(0)}
    words = text_of(client.get(path).text)
    assert "The grace period of this site is off" in words
    assert "0 seconds" not in words
