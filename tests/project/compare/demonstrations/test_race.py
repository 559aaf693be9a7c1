"""The numbers of the race are those of the database, the signals, the log and another clock."""

import time
from collections.abc import Callable
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from pytest_django import Settings

from project.compare.demo import demo_user
from project.compare.demonstrations import race
from project.compare.demonstrations.race import Race
from tests.conftest import Listen
from tests.project.compare.demonstrations.conftest import Lines, Writes
from tokens import signals
from tokens.jwt.claims import RefreshToken
from tokens.models import DeviceSession
from tokens.sessions import statements
from tokens.sessions.statements import SessionState

pytestmark = [
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("signing_key"),
]

Key = Callable[[], str]
KEYS: dict[str, Key] = {
    "without a key": lambda: "",
    "the same key": lambda: "k" * 16,
    "own keys": lambda: str(time.perf_counter_ns()).rjust(16, "0"),
}
every_key = pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
#: How much longer than its log line a call may take, in milliseconds: eleven other threads run.
TOLERANCE = 1500


def run(key: Key) -> Race:
    with demo_user() as user:
        return race.race(user, key)


@every_key
def test_a_trigger_counts_the_same_single_write(writes: Writes, key: Key) -> None:
    with demo_user() as user:
        result = race.race(user, key)
        session = DeviceSession.objects.get(user=user)
        assert writes() == [(session.pk, 2)]
        assert (result.rows_written, session.generation) == (1, 2)
    assert (result.successors, result.rows_added, len(result.callers)) == (1, 0, 12)


@every_key
def test_signals_name_the_callers_that_did_not_write(heard: Listen, key: Key) -> None:
    replayed = heard(signals.refresh_token_sent_again)
    contended = heard(signals.refresh_token_contended)
    result = run(key)
    others = sorted(str(call["ip_address"]) for call in replayed + contended)
    writers = [caller for caller in result.callers if caller.wrote]
    assert len(writers) == 1
    expected = {race.ADDRESS.format(number) for number in range(1, 13)}
    assert {*others} == expected - {race.ADDRESS.format(writers[0].number)}
    assert len(others) == 11
    refused = [caller for caller in result.callers if caller.status == 409]
    assert len(refused) == len(contended)
    assert all(caller.generation is None for caller in refused)
    granted = [caller for caller in result.callers if caller.status == 200]
    assert len(granted) == len(replayed) + 1
    assert {caller.generation for caller in granted} == {2}


def test_callers_come_from_one_network(heard: Listen) -> None:
    """Otherwise each race would write eleven warnings into the log."""
    elsewhere = heard(signals.refresh_token_replayed_elsewhere)
    run(KEYS["without a key"])
    assert elsewhere == []


@every_key
def test_times_agree_with_the_log_and_another_clock(lines: Lines, key: Key) -> None:
    began = time.monotonic()
    result = run(key)
    total = (time.monotonic() - began) * 1000
    assert min(caller.started for caller in result.callers) == 0
    assert max(caller.ended for caller in result.callers) <= total
    logged = {line["address"]: line for line in lines()}
    assert len(logged) == 12
    for caller in result.callers:
        line = logged[race.ADDRESS.format(caller.number)]
        assert line["status"] == caller.status
        duration = caller.ended - caller.started
        assert line["milliseconds"] - 0.1 <= duration <= line["milliseconds"] + TOLERANCE


def look_then_write(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace the conditional UPDATE by a query and an unconditional UPDATE."""
    for condition in ("AND generation = %(generation)s", "AND secret_hash = %(spent_hash)s"):
        assert condition in statements.ADVANCE
        monkeypatch.setattr(statements, "ADVANCE", statements.ADVANCE.replace(condition, ""))
    write, everybody_has_looked = statements.advance, Barrier(12)

    def advance(token: RefreshToken, **columns: Any) -> SessionState | None:
        session = DeviceSession.objects.get(sid=token.sid)
        everybody_has_looked.wait(10)
        return write(token, **columns) if session.generation == token.generation else None

    monkeypatch.setattr(statements, "advance", advance)


def test_without_the_condition_every_caller_gets_a_successor(
    monkeypatch: pytest.MonkeyPatch, writes: Writes
) -> None:
    look_then_write(monkeypatch)
    result = run(KEYS["without a key"])
    assert [caller.status for caller in result.callers] == [200] * 12
    assert (result.successors, result.rows_written) == (12, 12)
    assert len(writes()) == 12


def test_without_a_grace_period_the_session_is_revoked(settings: Settings, heard: Listen) -> None:
    settings.TOKENS = {**settings.TOKENS, "GRACE_PERIOD": timedelta(0)}
    reused = heard(signals.refresh_token_reused)
    result = run(KEYS["without a key"])
    assert len(reused) == 1
    assert sorted(caller.status for caller in result.callers) == [200] + [401] * 11
    assert (result.successors, result.rows_written) == (1, 1)
