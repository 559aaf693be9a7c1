"""The issuer's keys are fetched once, and a withdrawn key invalidates its tokens."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import Clock
from issuer import JWKS, Issuer, new_pair
from latchkey_verifier import Refusal, TokenRefused, Verifier
from refusals import refusal


def test_keys_are_cached_for_the_max_age_of_the_response(
    issuer: Issuer, verifier: Verifier, clock: Clock
) -> None:
    issuer.publish(issuer.pair, max_age=120)
    for _ in range(5):
        verifier.verify(issuer.token())
    clock.forward(119)
    verifier.verify(issuer.token())
    assert issuer.calls == {JWKS: 1}
    clock.forward(1)
    verifier.verify(issuer.token())
    assert issuer.calls == {JWKS: 2}


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Cache-Control": "public, max-age=1"}, 30),
        ({"Cache-Control": "no-store"}, 30),
        ({"Cache-Control": "no-cache, max-age=300"}, 30),
        ({"Cache-Control": "max-age=300", "Age": "200"}, 100),
        ({"Cache-Control": "max-age=300", "Age": "never"}, 300),
        ({"Cache-Control": "max-age=99999999"}, 3600),
        ({"Cache-Control": "max-age=-1"}, 300),
        ({"Cache-Control": "max-age=forever"}, 300),
        ({}, 300),
    ],
    ids=str,
)
def test_the_cache_time_of_keys_is_bounded(
    issuer: Issuer, verifier: Verifier, clock: Clock, headers: dict[str, str], seconds: int
) -> None:
    issuer.pages[JWKS].headers = headers
    verifier.verify(issuer.token())
    clock.forward(seconds - 1)
    verifier.verify(issuer.token())
    assert issuer.calls == {JWKS: 1}
    clock.forward(1)
    verifier.verify(issuer.token())
    assert issuer.calls == {JWKS: 2}


def test_a_clock_set_back_does_not_extend_the_cache_time(
    issuer: Issuer, verifier: Verifier, clock: Clock
) -> None:
    verifier.verify(issuer.token())
    clock.forward(-3600)
    verifier.verify(issuer.token())
    assert issuer.calls == {JWKS: 2}


def test_a_key_published_early_is_known_when_it_signs(
    issuer: Issuer, verifier: Verifier, clock: Clock
) -> None:
    old, new = issuer.pair, new_pair("key-2")
    verifier.verify(issuer.token())
    issuer.publish(old, new)
    clock.forward(300)
    verifier.verify(issuer.token())
    issuer.pair = new
    verifier.verify(issuer.token())
    assert issuer.calls == {JWKS: 2}


def test_a_key_published_late_is_known_after_the_pause(
    issuer: Issuer, verifier: Verifier, clock: Clock
) -> None:
    verifier.verify(issuer.token())
    issuer.pair = new_pair("key-2")
    issuer.publish(issuer.pair)
    assert refusal(verifier, issuer.token()) is Refusal.UNKNOWN_KEY
    clock.forward(10)
    verifier.verify(issuer.token())
    assert issuer.calls == {JWKS: 2}


def test_a_withdrawn_key_invalidates_remembered_tokens(
    issuer: Issuer, verifier: Verifier, clock: Clock
) -> None:
    """Guards the check of the key set for remembered tokens."""
    token = issuer.token(exp=issuer.claims()["exp"] + 3600)
    verifier.verify(token)
    issuer.publish(new_pair("key-2"))
    clock.forward(300)
    assert refusal(verifier, token) is Refusal.UNKNOWN_KEY


def test_a_key_with_a_reused_kid_invalidates_remembered_tokens(
    issuer: Issuer, verifier: Verifier, clock: Clock
) -> None:
    token = issuer.token(exp=issuer.claims()["exp"] + 3600)
    verifier.verify(token)
    issuer.publish(new_pair(issuer.pair.kid))
    clock.forward(300)
    assert refusal(verifier, token) is Refusal.SIGNATURE


def test_an_empty_key_set_invalidates_all_tokens(
    issuer: Issuer, verifier: Verifier, clock: Clock
) -> None:
    verifier.verify(issuer.token())
    issuer.publish()
    clock.forward(300)
    assert refusal(verifier, issuer.token()) is Refusal.UNKNOWN_KEY


def test_unknown_keys_cause_one_fetch_per_pause(
    issuer: Issuer, verifier: Verifier, clock: Clock
) -> None:
    """Guards the pause in Remote._start_fetch."""
    for second in range(30):
        for number in range(5):
            forged = issuer.token(header={"kid": f"made-up-{second}-{number}"})
            assert refusal(verifier, forged) is Refusal.UNKNOWN_KEY
        clock.forward(1)
    assert issuer.calls == {JWKS: 3}
    verifier.verify(issuer.token())


@pytest.mark.parametrize("known", [True, False], ids=["a known key", "unknown keys"])
def test_simultaneous_callers_share_one_fetch(
    issuer: Issuer, verifier: Verifier, known: bool
) -> None:
    """Guards the single fetch of Remote: all callers wait for the same response."""
    issuer.gate.clear()
    with ThreadPoolExecutor(16) as pool:
        headers = [{} if known else {"kid": f"made-up-{number}"} for number in range(16)]
        futures = [pool.submit(verifier.verify, issuer.token(header=header)) for header in headers]
        issuer.wait_for_calls(1)
        issuer.gate.set()
        errors = [future.exception(timeout=30) for future in futures]
    assert issuer.calls == {JWKS: 1}
    assert [type(error) for error in errors] == [type(None) if known else TokenRefused] * 16
