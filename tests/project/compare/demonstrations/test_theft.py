"""The stories have the answers of the API, and each step says what the answer did."""

import hashlib
import json
import re
from datetime import timedelta

import pytest
from pytest_django import Settings

from accounts.models import User
from project.compare.demo import demo_user
from project.compare.demonstrations import theft
from project.compare.demonstrations.story import Outcome, Step, cut
from tests.conftest import Listen, allow
from tests.project.compare.demonstrations.conftest import Lines, Writes, counts
from tokens import signals
from tokens.models import DeviceSession, Event, EventKind, Reason
from tokens.sessions.lifecycle import Device, open_session

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("signing_key")]

AGAIN, CONTENDED, ENDED = Outcome.AGAIN, Outcome.CONTENDED, Outcome.ENDED
OUT_OF_STEP, REVOKED, ROTATED = Outcome.OUT_OF_STEP, Outcome.REVOKED, Outcome.ROTATED
#: For each story the caller, the status and the outcome of its calls, as in the README's table.
EXPECTED = {
    "with_key": [
        ("owner", 200, ROTATED),
        ("thief", 409, CONTENDED),
        ("thief", 409, CONTENDED),
        ("owner", 200, AGAIN),
        ("owner", 200, ROTATED),
    ],
    "without_key": [
        ("owner", 200, ROTATED),
        ("thief", 200, AGAIN),
        ("owner", 200, ROTATED),
        ("owner", 200, ROTATED),
        ("thief", 401, REVOKED),
        ("owner", 401, ENDED),
    ],
    "too_late": [
        ("owner", 200, ROTATED),
        ("thief", 401, REVOKED),
        ("owner", 401, ENDED),
    ],
    "restored": [
        ("owner", 200, ROTATED),
        ("owner", 401, OUT_OF_STEP),
        ("owner", 200, ROTATED),
        ("thief", 200, ROTATED),
        ("thief", 401, ENDED),
    ],
}
CALLS = [call for calls in EXPECTED.values() for call in calls]


def calls(steps: list[Step]) -> list[tuple[str, int, Outcome]]:
    return [(step.actor, step.call.status, step.call.outcome) for step in steps if step.call]


@pytest.mark.parametrize("name", EXPECTED)
def test_every_answer_is_the_promised_one(name: str) -> None:
    assert calls(getattr(theft.run(), name)) == EXPECTED[name]


def test_the_log_has_the_same_answers_and_addresses(lines: Lines) -> None:
    theft.run()
    networks = {"owner": "192.0.2.1", "thief": "198.51.100.7"}
    logged = [(line["address"], line["status"]) for line in lines()]
    assert logged == [(networks[actor], status) for actor, status, _ in CALLS]


def test_a_trigger_sees_one_write_for_each_new_token(writes: Writes) -> None:
    theft.run()
    rotated = sum(outcome is ROTATED for _, _, outcome in CALLS)
    restored = 1  # The backup writes all columns.
    assert len(writes()) == rotated + restored


def test_signals_report_the_same_outcomes(heard: Listen) -> None:
    lists = {
        AGAIN: heard(signals.refresh_token_sent_again),
        CONTENDED: heard(signals.refresh_token_contended),
        REVOKED: heard(signals.refresh_token_reused),
        OUT_OF_STEP: heard(signals.refresh_token_out_of_step),
    }
    theft.run()
    for outcome, calls in lists.items():
        assert len(calls) == sum(each is outcome for _, _, each in CALLS), outcome


def test_rows_and_events_agree_with_the_last_steps() -> None:
    with demo_user() as user:
        stories = theft.play(user)
        rows = DeviceSession.objects.filter(user=user).order_by("pk")
        found = [(row.generation, row.revoked_reason) for row in rows]
        events = Event.objects.filter(user=user.pk, kind=EventKind.TOKEN_REUSED)
        assert sum(event.count for event in events) == 2
    last = [getattr(stories, name)[-1] for name in EXPECTED]
    shown = [(step.generation, step.revoked_reason) for step in last]
    assert shown == [(3, ""), (4, Reason.REUSE), (2, Reason.REUSE), (2, Reason.ADMIN)]
    # The operator of the last story ends all sessions: also the first one, and the owner's new one.
    assert found == [(3, Reason.ADMIN), *shown[1:], (2, Reason.ADMIN)]


def test_equal_fingerprints_are_the_same_token() -> None:
    steps = [step.call for step in theft.run().without_key if step.call]
    tokens = [re.findall(r'"refresh": ?"([^"]+)"', call.answer) for call in steps]
    owner, thief, *others = (found[0] for found in tokens if found)
    assert owner == thief
    assert len({owner, *others}) == 3
    presented = [re.findall(r'"refresh": ?"([^"]+)"', call.request)[0] for call in steps]
    assert presented[0] == presented[1]  # the copy
    assert presented[2] == owner


def test_a_token_is_cut_and_has_its_fingerprint() -> None:
    token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"
    digest = hashlib.sha256(token.encode()).hexdigest()
    assert cut(f'{{"refresh":"{token}"}}') == f'{{"refresh":"eyJhbGciOi… (SHA-256 {digest[:8]}…)"}}'


def test_answers_are_shown_as_received_but_for_the_tokens() -> None:
    for step in theft.run().too_late:
        if step.call is None:
            continue
        head, _, body = step.call.answer.partition("\n\n")
        assert head.startswith(f"{step.call.status} ")
        challenge = 'WWW-Authenticate: Bearer error="invalid_token"'
        assert (challenge in head.splitlines()) is (step.call.status == 401)
        fields = json.loads(body)
        if step.call.status == 200:
            assert {"access", "refresh", "session", "generation"} <= fields.keys()
        else:
            assert fields["code"] == "token_not_valid"


def test_the_owner_sends_a_key_and_the_thief_another_one() -> None:
    requests = [step.call.request for step in theft.run().with_key if step.call]
    keys = [re.findall(r"^Idempotency-Key: (\w{8})…$", text, re.MULTILINE) for text in requests]
    first, copied, invented, repeated, following = keys
    assert copied == []
    assert invented == ["00000000"]
    assert first == repeated != following
    assert len(first) == len(following) == 1


def test_without_a_grace_period_the_copy_ends_the_session(settings: Settings) -> None:
    settings.TOKENS = {**settings.TOKENS, "GRACE_PERIOD": timedelta(0)}
    stories = theft.run()
    assert calls(stories.without_key)[:3] == [
        ("owner", 200, ROTATED),
        ("thief", 401, REVOKED),
        ("owner", 401, ENDED),
    ]


@pytest.mark.usefixtures("fresh_counters")
def test_a_throttled_call_is_shown_as_it_is(settings: Settings) -> None:
    allow(settings, refresh="1 per minute")
    step = theft.run().with_key[-1]
    assert step.call is not None
    assert (step.call.status, step.call.outcome) == (429, Outcome.UNANSWERED)
    assert re.search(r"^Retry-After: \d+$", step.call.answer, re.MULTILINE)


def test_nothing_remains_and_no_other_session_changes(alice: User) -> None:
    open_session(alice, Device())
    before = counts(), [*DeviceSession.objects.values()]
    theft.run()
    assert (counts(), [*DeviceSession.objects.values()]) == before
