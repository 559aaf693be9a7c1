"""Verification in an event loop does not block it, and concurrent callers share one fetch."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import Clock
from issuer import AUDIENCE, JWKS, STATUS, Issuer
from latchkey_verifier import Refusal, TokenRefused, Verifier, VerifierUnavailable


def test_a_valid_token_is_accepted_and_another_is_refused(
    issuer: Issuer, verifier: Verifier
) -> None:
    claims = asyncio.run(verifier.averify(issuer.listed()))
    assert claims == verifier.verify(issuer.listed())
    issuer.publish_list(b"\xff" * 16)
    with pytest.raises(TokenRefused) as refused:
        asyncio.run(verifier.averify(issuer.token(aud="https://b.example")))
    assert refused.value.reason is Refusal.AUDIENCE
    assert issuer.calls == {JWKS: 1, STATUS: 1}


async def wait_for_request(issuer: Issuer, path: str) -> None:
    while not issuer.calls[path]:
        await asyncio.sleep(0)


def test_tasks_share_one_fetch_and_the_loop_is_not_blocked(
    issuer: Issuer, verifier: Verifier
) -> None:
    async def story() -> None:
        issuer.gate.clear()
        tasks = [asyncio.create_task(verifier.averify(issuer.listed())) for _ in range(16)]
        await wait_for_request(issuer, JWKS)
        issuer.gate.set()
        assert {claims.client_id for claims in await asyncio.gather(*tasks)} == {"latchkey"}

    asyncio.run(story())
    assert issuer.calls == {JWKS: 1, STATUS: 1}


def test_a_cancelled_task_does_not_cancel_the_fetch(issuer: Issuer, verifier: Verifier) -> None:
    async def story() -> None:
        issuer.gate.clear()
        first = asyncio.create_task(verifier.averify(issuer.token()))
        await wait_for_request(issuer, JWKS)
        second = asyncio.create_task(verifier.averify(issuer.token()))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        assert first.cancelled()
        issuer.gate.set()
        assert (await second).client_id == "latchkey"

    asyncio.run(story())
    assert issuer.calls == {JWKS: 1}


def test_a_closed_loop_does_not_cancel_the_fetch(
    issuer: Issuer, verifier: Verifier, caplog: pytest.LogCaptureFixture
) -> None:

    async def story() -> None:
        issuer.gate.clear()
        task = asyncio.create_task(verifier.averify(issuer.token()))
        await wait_for_request(issuer, JWKS)
        task.cancel()

    asyncio.run(story())
    issuer.gate.set()
    assert verifier.verify(issuer.token()).client_id == "latchkey"
    assert issuer.calls == {JWKS: 1}
    assert "concurrent.futures" not in {record.name for record in caplog.records}


def test_threads_and_loops_share_one_fetch(issuer: Issuer, verifier: Verifier) -> None:
    issuer.gate.clear()
    with ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(verifier.verify, issuer.token()) for _ in range(2)]
        futures += [pool.submit(asyncio.run, verifier.averify(issuer.token())) for _ in range(2)]
        issuer.wait_for_calls(1)
        issuer.gate.set()
        assert {future.result(timeout=30).client_id for future in futures} == {"latchkey"}
    assert issuer.calls == {JWKS: 1}


def test_a_caller_waits_at_most_twice_the_timeout() -> None:
    """This test uses real time, because it bounds the time that a caller waits."""
    issuer = Issuer()
    try:
        verifier = Verifier(issuer=issuer.url, audience=AUDIENCE, timeout=0.1)
        verifier._fetcher.timeout = 30  # A slow server could stay within the HTTP client's limits.
        issuer.gate.clear()
        with pytest.raises(VerifierUnavailable):
            asyncio.run(verifier.averify(issuer.token()))
    finally:
        issuer.close()


def test_unknown_keys_cause_one_fetch_per_pause(
    issuer: Issuer, verifier: Verifier, clock: Clock
) -> None:
    async def flood() -> None:
        forged = [issuer.token(header={"kid": f"made-up-{number}"}) for number in range(50)]
        answers = await asyncio.gather(*map(verifier.averify, forged), return_exceptions=True)
        assert {type(answer) for answer in answers} == {TokenRefused}

    for _ in range(3):
        asyncio.run(flood())
        clock.forward(5)
    assert issuer.calls == {JWKS: 2}


def test_the_fetching_threads_end(issuer: Issuer, verifier: Verifier) -> None:
    asyncio.run(verifier.averify(issuer.listed()))
    ours = [thread for thread in threading.enumerate() if thread.name.startswith("latchkey")]
    for thread in ours:
        thread.join(10)
    assert not any(thread.is_alive() for thread in ours)
