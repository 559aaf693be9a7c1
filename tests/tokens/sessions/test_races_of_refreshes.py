"""Simultaneous refreshes of one token: one writes, and all callers get the same successor."""

from functools import partial

import pytest
from django.test import Client

from accounts.models import User
from tests.conftest import API, Listen
from tests.support.racing import (
    race,
    refresh,
    refresh_until_refused,
    retry_key,
    sign_in,
)
from tests.tokens.sessions.revocations import (
    assert_refused,
    few_and_many_rounds,
    keyed_or_not,
    person,
    session_of,
)
from tokens import signals
from tokens.models import Reason

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.mark.spec("ASVS 5.0", "2.3.4")
@pytest.mark.trap(1, 64)
@keyed_or_not
def test_one_of_twelve_callers_writes_and_all_get_its_token(
    key: str | None, alice: User, heard: Listen
) -> None:
    """Guards `generation = …` in the outermost WHERE of statements.advance."""
    sent_again = heard(signals.refresh_token_sent_again)
    first = sign_in(alice)
    answers = race(*[partial(refresh, first.refresh, key)] * 12)
    assert {answer.status for answer in answers} == {200}
    assert len({answer.refresh for answer in answers}) == 1
    assert session_of(first).generation == 2
    assert len(sent_again) == 11
    assert refresh(answers[0].refresh).generation == 3


@pytest.mark.trap(1)
def test_twelve_requests_receive_the_same_successor(alice: User) -> None:
    """Guards the same line by HTTP requests."""
    first = sign_in(alice)
    answers = race(*[lambda: API(Client()).refresh(first.refresh)] * 12)
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["refresh"] for answer in answers}) == 1
    assert session_of(first).generation == 2


@pytest.mark.trap(1, 54)
def test_one_of_twelve_callers_with_keys_gets_a_token(alice: User) -> None:
    """Guards `retry_hash`, written by the same statement that moves the generation."""
    first = sign_in(alice)
    answers = race(*[partial(refresh, first.refresh, retry_key(n)) for n in range(12)])
    assert sorted(answer.status for answer in answers) == [200] + [409] * 11
    assert session_of(first).generation == 2
    assert session_of(first).revoked_at is None


@pytest.mark.trap(4, 5)
def test_tabs_that_refresh_together_stay_in_one_family(alice: User) -> None:
    """Guards the derivation in claims.successor_jti: a loser's nonce and jti come from the row."""
    token = sign_in(alice).refresh
    for generation in range(2, 12):
        answers = race(*[partial(refresh, token, retry_key(generation))] * 4)
        assert {answer.generation for answer in answers} == {generation}
        (token,) = {answer.refresh for answer in answers}


@pytest.mark.spec("RFC 9700", "4.14.2")
@pytest.mark.trap(11)
def test_a_token_reused_by_many_revokes_its_session_once(alice: User, heard: Listen) -> None:
    """Guards the row count of `revoke(Reason.REUSE)`, which decides which caller reports."""
    first = sign_in(alice)
    third = refresh(refresh(first.refresh).refresh)
    reused, ended = heard(signals.refresh_token_reused), heard(signals.session_ended)
    answers = race(*[partial(refresh, first.refresh)] * 12)
    assert {answer.status for answer in answers} == {401}
    assert len(reused) == len(ended) == 1
    assert reused[0]["generation"] == 1
    assert_refused(third, Reason.REUSE)


@few_and_many_rounds
def test_reuse_revokes_a_session_during_its_refresh(rounds: int, db: None, heard: Listen) -> None:
    """Guards `revoked_at IS NULL` in statements.advance."""
    reused = heard(signals.refresh_token_reused)
    for number in range(rounds):
        first = sign_in(person(f"alice-{number}"))
        third = refresh(refresh(first.refresh).refresh)
        last, *_ = race(
            partial(refresh_until_refused, third), *[partial(refresh, first.refresh)] * 3
        )
        assert_refused(last, Reason.REUSE)
        assert len(reused) == number + 1
