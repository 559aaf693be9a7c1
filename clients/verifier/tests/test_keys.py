"""The issuer's keys: how often they are fetched, how long they serve, and which are taken."""

import gzip
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from conftest import Clock
from cryptography.hazmat.primitives.asymmetric import ec
from issuer import AUDIENCE, JWKS, Issuer, Page, Pair, new_pair, rsa_key, signed
from jwt.algorithms import ECAlgorithm
from latchkey_verifier import Refusal, TokenRefused, Verifier, VerifierUnavailable


def refusal(verifier: Verifier, token: str) -> Refusal:
    with pytest.raises(TokenRefused) as refused:
        verifier.verify(token)
    return refused.value.reason


def test_keys_are_fetched_once_for_as_long_as_the_issuer_says(
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
def test_the_time_that_keys_are_kept_is_bounded_whatever_the_answer_says(
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


def test_a_clock_that_is_set_back_keeps_keys_no_longer(
    issuer: Issuer, verifier: Verifier, clock: Clock
) -> None:
    verifier.verify(issuer.token())
    clock.forward(-3600)
    verifier.verify(issuer.token())
    assert issuer.calls == {JWKS: 2}


def test_a_key_that_is_published_before_it_signs_is_known_when_it_does(
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


def test_a_key_that_was_never_published_before_is_found_after_the_pause(
    issuer: Issuer, verifier: Verifier, clock: Clock
) -> None:
    verifier.verify(issuer.token())
    issuer.pair = new_pair("key-2")
    issuer.publish(issuer.pair)
    assert refusal(verifier, issuer.token()) is Refusal.UNKNOWN_KEY
    clock.forward(10)
    verifier.verify(issuer.token())
    assert issuer.calls == {JWKS: 2}


def test_a_key_that_is_withdrawn_takes_its_tokens_along_even_remembered_ones(
    issuer: Issuer, verifier: Verifier, clock: Clock
) -> None:
    """Guards the look at the key set for a token whose signature is remembered."""
    token = issuer.token(exp=issuer.claims()["exp"] + 3600)
    verifier.verify(token)
    issuer.publish(new_pair("key-2"))
    clock.forward(300)
    assert refusal(verifier, token) is Refusal.UNKNOWN_KEY


def test_another_key_of_the_same_name_does_not_vouch_for_remembered_tokens(
    issuer: Issuer, verifier: Verifier, clock: Clock
) -> None:
    token = issuer.token(exp=issuer.claims()["exp"] + 3600)
    verifier.verify(token)
    issuer.publish(new_pair(issuer.pair.kid))
    clock.forward(300)
    assert refusal(verifier, token) is Refusal.SIGNATURE


def test_a_set_without_keys_takes_all_tokens_along(
    issuer: Issuer, verifier: Verifier, clock: Clock
) -> None:
    verifier.verify(issuer.token())
    issuer.publish()
    clock.forward(300)
    assert refusal(verifier, issuer.token()) is Refusal.UNKNOWN_KEY


def test_a_flood_of_unknown_keys_costs_one_fetch_a_pause(
    issuer: Issuer, verifier: Verifier, clock: Clock
) -> None:
    """Guards the pause in Remote._depart."""
    for second in range(30):
        for number in range(5):
            forged = issuer.token(header={"kid": f"made-up-{second}-{number}"})
            assert refusal(verifier, forged) is Refusal.UNKNOWN_KEY
        clock.forward(1)
    assert issuer.calls == {JWKS: 3}
    verifier.verify(issuer.token())


@pytest.mark.parametrize("known", [True, False], ids=["a known key", "unknown keys"])
def test_callers_at_once_share_one_fetch(issuer: Issuer, verifier: Verifier, known: bool) -> None:
    """Guards the one flight of Remote: all callers wait for the answer that is held back."""
    issuer.gate.clear()
    with ThreadPoolExecutor(16) as pool:
        headers = [{} if known else {"kid": f"made-up-{number}"} for number in range(16)]
        asked = [pool.submit(verifier.verify, issuer.token(header=header)) for header in headers]
        issuer.wait_for_calls(1)
        issuer.gate.set()
        errors = [future.exception(timeout=30) for future in asked]
    assert issuer.calls == {JWKS: 1}
    assert [type(error) for error in errors] == [type(None) if known else TokenRefused] * 16


def test_keys_serve_on_for_a_bounded_time_while_the_issuer_is_away(
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


def test_an_issuer_that_is_away_is_asked_once_a_pause(
    issuer: Issuer, verifier: Verifier, clock: Clock
) -> None:
    issuer.pages[JWKS].status = 500
    for _ in range(20):
        with pytest.raises(VerifierUnavailable) as unavailable:
            verifier.verify(issuer.token())
        assert 1 <= unavailable.value.retry_after <= 10
        clock.forward(1)
    assert issuer.calls == {JWKS: 2}


def test_while_fetching_fails_nobody_waits_who_has_keys(
    issuer: Issuer, verifier: Verifier, clock: Clock
) -> None:
    """Guards what serves in Remote.current: the answer is held back, and nobody sees it."""
    verifier.verify(issuer.token())
    issuer.pages[JWKS].status = 503
    clock.forward(300)
    verifier.verify(issuer.token())
    issuer.gate.clear()
    clock.forward(10)
    begun = time.monotonic()
    verifier.verify(issuer.token())
    assert time.monotonic() - begun < verifier.patience / 2
    issuer.wait_for_calls(3)
    issuer.gate.set()


def test_an_unknown_key_is_no_refusal_while_nobody_can_know(
    issuer: Issuer, verifier: Verifier, clock: Clock
) -> None:
    """A token of a key that is newer than ours must not make its client throw it away."""
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


def test_an_answer_that_trickles_is_given_up(issuer: Issuer) -> None:
    """Guards the deadline in Fetcher: each byte comes in time, and all together would not."""
    verifier = Verifier(issuer=issuer.url, audience=AUDIENCE, timeout=0.3)
    issuer.pages[JWKS] = Page(issuer.pages[JWKS].body + b" " * 500, pause=0.1)
    with pytest.raises(VerifierUnavailable):
        verifier.verify(issuer.token())
    assert verifier._keys._flight is None


def test_an_issuer_that_is_not_there_is_unavailable(issuer: Issuer, verifier: Verifier) -> None:
    token = issuer.token()
    issuer.close()
    with pytest.raises(VerifierUnavailable, match=r"jwks\.json cannot be had"):
        verifier.verify(token)


def test_a_fetch_that_never_comes_back_is_given_up_one_day(issuer: Issuer, clock: Clock) -> None:
    verifier = Verifier(issuer=issuer.url, audience=AUDIENCE, timeout=0.2)
    issuer.gate.clear()
    verifier._fetcher.timeout = 30  # as if the time limit had been got round
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


def moved(issuer: Issuer) -> Page:
    issuer.pages["/moved.json"] = issuer.pages[JWKS]
    return Page(b"", {"Location": f"{issuer.url}/moved.json"}, status=302)


BAD_ANSWERS: dict[str, Callable[[Issuer], Page]] = {
    "a redirect": moved,
    "an error with the keys in it": lambda i: Page(i.pages[JWKS].body, status=500),
    "a partial answer": lambda i: Page(i.pages[JWKS].body, status=206),
    "packed": lambda i: Page(gzip.compress(i.pages[JWKS].body), {"Content-Encoding": "gzip"}),
    "huge": lambda i: Page(i.pages[JWKS].body + b" " * 65_536),
    "nothing": lambda i: Page(b""),
    "a page for people": lambda i: Page(b"<!doctype html>"),
    "a list": lambda i: Page(b"[]"),
    "no keys": lambda i: Page(b'{"keys": {}}'),
    "invalid UTF-8": lambda i: Page(b'{"keys": [], "\xff": 1}'),
    "nested deep": lambda i: Page(b'{"keys":' + b"[" * 20_000),
    "keys twice": lambda i: Page(b'{"keys": [], ' + i.pages[JWKS].body[1:]),
    "two keys of one name": lambda i: Page(
        json.dumps({"keys": [i.pair.jwk, new_pair(i.pair.kid).jwk]}).encode()
    ),
    "hundreds of keys": lambda i: Page(
        json.dumps({"keys": [{**i.pair.jwk, "kid": f"k{n}"} for n in range(33)]}).encode()
    ),
}


@pytest.mark.parametrize("make", BAD_ANSWERS.values(), ids=BAD_ANSWERS)
def test_an_answer_that_is_no_set_of_keys_is_as_good_as_none(
    issuer: Issuer, verifier: Verifier, clock: Clock, make: Callable[[Issuer], Page]
) -> None:
    good = issuer.pages[JWKS]
    issuer.pages[JWKS] = make(issuer)
    with pytest.raises(VerifierUnavailable):
        verifier.verify(issuer.token())
    assert issuer.calls == {JWKS: 1}
    issuer.pages[JWKS] = good
    clock.forward(10)
    verifier.verify(issuer.token())


def other_curve() -> dict[str, Any]:
    jwk: dict[str, Any] = ECAlgorithm.to_jwk(
        ec.generate_private_key(ec.SECP384R1()).public_key(), as_dict=True
    )
    return {**jwk, "key_ops": ["verify"], "kid": "key-2"}


def short_rsa() -> dict[str, Any]:
    return Pair("key-2", "RS256", rsa_key(2048)).jwk


NOT_OURS: dict[str, Callable[[], Any]] = {
    "a secret": lambda: {"kty": "oct", "k": "c2VjcmV0", "kid": "key-2"},
    "a secret with a public key around it": lambda: {**new_pair("key-2").jwk, "k": "c2VjcmV0"},
    "a private key": lambda: {**new_pair("key-2").jwk, "d": "c2VjcmV0"},
    "a key to encrypt with": lambda: {**new_pair("key-2").jwk, "use": "enc"},
    "a key for other operations": lambda: {**new_pair("key-2").jwk, "key_ops": ["encrypt"]},
    "operations that are a number": lambda: {**new_pair("key-2").jwk, "key_ops": 1},
    "another curve": other_curve,
    "another algorithm": lambda: {**new_pair("key-2").jwk, "alg": "ES384"},
    "an algorithm of another kind of key": lambda: {**new_pair("key-2").jwk, "alg": "HS256"},
    "a short key": short_rsa,
    "a point off the curve": lambda: {**new_pair("key-2").jwk, "x": "A" * 43},
    "a number where text belongs": lambda: {**new_pair("key-2").jwk, "x": 1},
    "a coordinate missing": lambda: {"kty": "EC", "crv": "P-256", "x": "A" * 43, "kid": "key-2"},
    "no name": lambda: {**new_pair("key-2").jwk, "kid": None},
    "a name that is a path": lambda: {**new_pair("key-2").jwk, "kid": "../key"},
    "a list": list,
    "a list as kind": lambda: {**new_pair("key-2").jwk, "kty": ["EC"]},
}


@pytest.mark.spec("ASVS 5.0", "11.2.3")
@pytest.mark.parametrize("make", NOT_OURS.values(), ids=NOT_OURS)
def test_a_key_that_is_for_something_else_is_left_out_and_the_others_are_taken(
    issuer: Issuer, verifier: Verifier, make: Callable[[], Any]
) -> None:
    issuer.pages[JWKS].body = json.dumps({"keys": [make(), issuer.pair.jwk]}).encode()
    verifier.verify(issuer.token())
    assert refusal(verifier, issuer.token(header={"kid": "key-2"})) is Refusal.UNKNOWN_KEY


def test_a_short_rsa_key_would_have_verified(issuer: Issuer, verifier: Verifier) -> None:
    """The table above leaves it out for its length alone."""
    issuer.pair = Pair("key-2", "RS256", rsa_key(3072))
    issuer.publish(issuer.pair)
    verifier.verify(signed(issuer.header, issuer.claims(), issuer.pair))


def test_a_client_of_ones_own_is_used_and_left_open(issuer: Issuer) -> None:
    with httpx.Client(headers={"User-Agent": "orders"}, follow_redirects=True) as client:
        verifier = Verifier(issuer=issuer.url, audience=AUDIENCE, client=client)
        verifier.verify(issuer.token())
        assert not client.is_closed
        redirected = Verifier(issuer=issuer.url, audience=AUDIENCE, client=client)
        issuer.pages[JWKS] = moved(issuer)
        with pytest.raises(VerifierUnavailable):
            redirected.verify(issuer.token())
    assert issuer.calls == {JWKS: 2}
