"""The same from an event loop: others work on while the issuer is asked, and share its answer."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import Clock
from issuer import AUDIENCE, JWKS, STATUS, Issuer
from latchkey_verifier import Refusal, TokenRefused, Verifier, VerifierUnavailable


def test_a_good_token_is_believed_and_another_is_not(issuer: Issuer, verifier: Verifier) -> None:
    claims = asyncio.run(verifier.averify(issuer.listed()))
    assert claims == verifier.verify(issuer.listed())
    issuer.publish_list(b"\xff" * 16)
    with pytest.raises(TokenRefused) as refused:
        asyncio.run(verifier.averify(issuer.token(aud="https://b.example")))
    assert refused.value.reason is Refusal.AUDIENCE
    assert issuer.calls == {JWKS: 1, STATUS: 1}


async def asked_for(issuer: Issuer, path: str) -> None:
    while not issuer.calls[path]:
        await asyncio.sleep(0)


def test_the_loop_goes_on_while_the_issuer_is_asked_and_all_share_the_answer(
    issuer: Issuer, verifier: Verifier
) -> None:
    async def story() -> None:
        issuer.gate.clear()
        asking = [asyncio.create_task(verifier.averify(issuer.listed())) for _ in range(16)]
        await asked_for(issuer, JWKS)
        issuer.gate.set()
        assert {claims.client_id for claims in await asyncio.gather(*asking)} == {"latchkey"}

    asyncio.run(story())
    assert issuer.calls == {JWKS: 1, STATUS: 1}


def test_a_caller_who_goes_away_does_not_take_the_answer_along(
    issuer: Issuer, verifier: Verifier
) -> None:
    async def story() -> None:
        issuer.gate.clear()
        first = asyncio.create_task(verifier.averify(issuer.token()))
        await asked_for(issuer, JWKS)
        second = asyncio.create_task(verifier.averify(issuer.token()))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        assert first.cancelled()
        issuer.gate.set()
        assert (await second).client_id == "latchkey"

    asyncio.run(story())
    assert issuer.calls == {JWKS: 1}


def test_a_loop_that_ends_does_not_take_the_answer_along(
    issuer: Issuer, verifier: Verifier, caplog: pytest.LogCaptureFixture
) -> None:

    async def story() -> None:
        issuer.gate.clear()
        asking = asyncio.create_task(verifier.averify(issuer.token()))
        await asked_for(issuer, JWKS)
        asking.cancel()

    asyncio.run(story())
    issuer.gate.set()
    assert verifier.verify(issuer.token()).client_id == "latchkey"
    assert issuer.calls == {JWKS: 1}
    assert "concurrent.futures" not in {record.name for record in caplog.records}


def test_threads_and_loops_share_one_fetch(issuer: Issuer, verifier: Verifier) -> None:
    issuer.gate.clear()
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(verifier.verify, issuer.token()) for _ in range(2)]
        asked += [pool.submit(asyncio.run, verifier.averify(issuer.token())) for _ in range(2)]
        issuer.wait_for_calls(1)
        issuer.gate.set()
        assert {future.result(timeout=30).client_id for future in asked} == {"latchkey"}
    assert issuer.calls == {JWKS: 1}


def test_nobody_waits_longer_than_twice_the_timeout() -> None:
    """Time really passes here: what is bounded is the time that a caller waits."""
    issuer = Issuer()
    try:
        verifier = Verifier(issuer=issuer.url, audience=AUDIENCE, timeout=0.1)
        verifier._fetcher.timeout = 30  # as if the time limit had been got round
        issuer.gate.clear()
        with pytest.raises(VerifierUnavailable):
            asyncio.run(verifier.averify(issuer.token()))
    finally:
        issuer.close()


def test_a_flood_of_unknown_keys_costs_one_fetch_a_pause(
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


def test_no_thread_is_left_behind(issuer: Issuer, verifier: Verifier) -> None:
    asyncio.run(verifier.averify(issuer.listed()))
    ours = [thread for thread in threading.enumerate() if thread.name.startswith("latchkey")]
    for thread in ours:
        thread.join(10)
    assert not any(thread.is_alive() for thread in ours)
