"""During an outage of the issuer, stale keys are used for a bounded time without waiting."""

import time

import pytest
from conftest import Clock
from issuer import AUDIENCE, JWKS, Issuer, Page, new_pair
from latchkey_verifier import Verifier, VerifierUnavailable


def test_stale_keys_are_used_for_a_bounded_time(
    issuer: Issuer, verifier: Verifier, clock: Clock
) -> None:
    verifier.verify(issuer.token())
    issuer.pages[JWKS].status = 503
    clock.forward(300 + 3599)
    verifier.verify(issuer.token())
    clock.forward(1)
    with pytest.raises(VerifierUnavailable):
        verifier.verify(issuer.token())
    issuer.pages[JWKS].status = 200
    clock.forward(10)
    verifier.verify(issuer.token())


def test_a_failing_issuer_is_called_once_per_pause(
    issuer: Issuer, verifier: Verifier, clock: Clock
) -> None:
    issuer.pages[JWKS].status = 500
    for _ in range(20):
        with pytest.raises(VerifierUnavailable) as unavailable:
            verifier.verify(issuer.token())
        assert 1 <= unavailable.value.retry_after <= 10
        clock.forward(1)
    assert issuer.calls == {JWKS: 2}


def test_callers_with_stale_keys_do_not_wait_for_a_fetch(
    issuer: Issuer, verifier: Verifier, clock: Clock
) -> None:
    """Guards `serves_stale` in Remote.current: the response to the second fetch is held back."""
    verifier.verify(issuer.token())
    issuer.pages[JWKS].status = 503
    clock.forward(300)
    verifier.verify(issuer.token())
    issuer.gate.clear()
    clock.forward(10)
    started = time.monotonic()
    verifier.verify(issuer.token())
    assert time.monotonic() - started < verifier.patience / 2
    issuer.wait_for_calls(3)
    issuer.gate.set()


def test_an_unknown_key_is_not_refused_during_an_outage(
    issuer: Issuer, verifier: Verifier, clock: Clock
) -> None:
    """The client must not drop a token only because the verifier does not know its new key yet."""
    verifier.verify(issuer.token())
    issuer.pages[JWKS].status = 503
    issuer.pair = new_pair("key-2")
    clock.forward(10)
    for _ in range(3):
        with pytest.raises(VerifierUnavailable):
            verifier.verify(issuer.token())
    assert issuer.calls == {JWKS: 2}


def test_an_issuer_that_does_not_answer_is_unavailable(issuer: Issuer) -> None:
    verifier = Verifier(issuer=issuer.url, audience=AUDIENCE, timeout=0.1)
    issuer.gate.clear()
    with pytest.raises(VerifierUnavailable):
        verifier.verify(issuer.token())


def test_a_response_that_trickles_is_abandoned(issuer: Issuer) -> None:
    """Guards the deadline in Fetcher: each byte is in time, but the whole response is too slow."""
    verifier = Verifier(issuer=issuer.url, audience=AUDIENCE, timeout=0.3)
    issuer.pages[JWKS] = Page(issuer.pages[JWKS].body + b" " * 500, pause=0.1)
    with pytest.raises(VerifierUnavailable):
        verifier.verify(issuer.token())
    assert verifier._keys._fetch is None


def test_a_stopped_issuer_is_unavailable(issuer: Issuer, verifier: Verifier) -> None:
    token = issuer.token()
    issuer.close()
    with pytest.raises(VerifierUnavailable, match=r"jwks\.json cannot be had"):
        verifier.verify(token)


def test_a_fetch_that_never_ends_is_abandoned(issuer: Issuer, clock: Clock) -> None:
    verifier = Verifier(issuer=issuer.url, audience=AUDIENCE, timeout=0.2)
    issuer.gate.clear()
    verifier._fetcher.timeout = 30  # A slow server could stay within the HTTP client's limits.
    with pytest.raises(VerifierUnavailable):
        verifier.verify(issuer.token())
    clock.forward(59)
    with pytest.raises(VerifierUnavailable):
        verifier.verify(issuer.token())
    assert issuer.calls.total() == 1
    clock.forward(1)
    with pytest.raises(VerifierUnavailable):
        verifier.verify(issuer.token())
    assert issuer.calls.total() == 2
    issuer.gate.set()
    verifier.verify(issuer.token())
