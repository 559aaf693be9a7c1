"""Status lists: an ended session is refused, and without a list the service's choice decides."""

import zlib
from collections.abc import Callable
from typing import Any

import pytest
from conftest import Clock
from issuer import AUDIENCE, JWKS, STATUS, Issuer, Page, encoded, new_pair, signed
from latchkey_verifier import Refusal, TokenRefused, Verifier, VerifierUnavailable

ENDED_3 = bytes([0b0000_1000]) + bytes(15)


def refusal(verifier: Verifier, token: str) -> Refusal:
    with pytest.raises(TokenRefused) as refused:
        verifier.verify(token)
    return refused.value.reason


def with_policy(issuer: Issuer, policy: str) -> Verifier:
    return Verifier(
        issuer=issuer.url,
        audience=AUDIENCE,
        timeout=2,
        status_list=policy,  # type: ignore[arg-type]
    )


def test_a_session_that_has_ended_is_refused_and_its_neighbours_are_not(
    issuer: Issuer, verifier: Verifier
) -> None:
    issuer.publish_list(ENDED_3)
    assert refusal(verifier, issuer.listed(3)) is Refusal.ENDED
    for index in (0, 2, 4, 7, 8, 11, 127):
        verifier.verify(issuer.listed(index))
    assert issuer.calls == {JWKS: 1, STATUS: 1}


@pytest.mark.spec("Token Status List", "4.1")
def test_the_example_of_the_specification_is_read_as_it_says(
    issuer: Issuer, verifier: Verifier
) -> None:
    issuer.publish_list(b"")
    token = issuer.list_token(status_list={"bits": 1, "lst": "eNrbuRgAAhcBXQ"})
    issuer.pages[STATUS].body = token.encode()
    ended = []
    for index in range(16):
        try:
            verifier.verify(issuer.listed(index))
        except TokenRefused:
            ended.append(index)
    assert ended == [0, 3, 4, 5, 7, 8, 9, 13, 15]


@pytest.mark.spec("Token Status List", "8.3")
def test_an_index_outside_of_the_list_is_refused(issuer: Issuer, verifier: Verifier) -> None:
    issuer.publish_list(bytes(16))
    verifier.verify(issuer.listed(127))
    for index in (128, 10**9, 10**30):
        assert refusal(verifier, issuer.listed(index)) is Refusal.STATUS


def test_a_token_without_a_place_needs_no_list(issuer: Issuer, verifier: Verifier) -> None:
    verifier.verify(issuer.token())
    assert issuer.calls == {JWKS: 1}


def test_a_remembered_token_is_refused_once_its_session_has_ended(
    issuer: Issuer, verifier: Verifier, clock: Clock
) -> None:
    """Guards the look at the list for a token whose signature is remembered."""
    token = issuer.listed(3)
    verifier.verify(token)
    issuer.publish_list(ENDED_3)
    clock.forward(29)
    verifier.verify(token)
    clock.forward(1)
    assert refusal(verifier, token) is Refusal.ENDED


@pytest.mark.parametrize(
    ("ttl", "max_age", "exp", "seconds"),
    [
        (30, 60, 600, 30),
        (60, 20, 600, 20),
        (60, None, 600, 60),
        (60, 60, 15, 15),
        (999, 999, 9999, 300),
        (60, 0, 600, 1),
    ],
    ids=["ttl", "max-age", "ttl without max-age", "exp", "no longer than", "no shorter than"],
)
def test_a_list_is_kept_for_the_least_of_ttl_max_age_and_exp(
    issuer: Issuer,
    verifier: Verifier,
    clock: Clock,
    *,
    ttl: int,
    max_age: int | None,
    exp: int,
    seconds: int,
) -> None:
    now = issuer.claims()["iat"]
    issuer.publish_list(bytes(16), max_age=max_age, ttl=ttl, exp=now + exp)
    token = issuer.listed(exp=now + 3600)
    verifier.verify(token)
    clock.forward(seconds - 0.5)
    verifier.verify(token)
    assert issuer.calls[STATUS] == 1
    issuer.publish_list(bytes(16))
    clock.forward(0.5)
    verifier.verify(token)
    assert issuer.calls[STATUS] == 2


def test_a_list_that_cannot_be_renewed_serves_until_it_expires_and_then_nobody_knows(
    issuer: Issuer, verifier: Verifier, clock: Clock
) -> None:
    token = issuer.listed(exp=issuer.claims()["iat"] + 3600)
    verifier.verify(token)
    issuer.pages[STATUS].status = 503
    clock.forward(599)
    verifier.verify(token)
    clock.forward(1)
    with pytest.raises(VerifierUnavailable):
        verifier.verify(token)


def test_clocks_that_differ_shorten_and_lengthen_no_list(
    issuer: Issuer, verifier: Verifier, clock: Clock
) -> None:
    """Its issuer's clock is eight seconds behind ours, so it comes as good as expired."""
    now = issuer.claims()["iat"]
    issuer.publish_list(bytes(16), iat=now - 8, exp=now + 2, ttl=5)
    token = issuer.listed(exp=now + 3600)
    verifier.verify(token)
    issuer.pages[STATUS].status = 503
    clock.forward(9.5)
    verifier.verify(token)
    clock.forward(0.5)
    with pytest.raises(VerifierUnavailable):
        verifier.verify(token)


def bad_list(issuer: Issuer, **changes: Any) -> Page:
    return Page(issuer.list_token(**{"status_list": bits(bytes(16)), **changes}).encode())


def bits(data: bytes, number: object = 1) -> dict[str, object]:
    return {"bits": number, "lst": encoded(zlib.compress(data, 9))}


def lst(text: str) -> dict[str, object]:
    return {"bits": 1, "lst": text}


def by_header(issuer: Issuer, **header: object) -> Page:
    return Page(issuer.list_token(header=header, status_list=bits(bytes(16))).encode())


def by_foreign_key(issuer: Issuer) -> Page:
    own, issuer.pair = issuer.pair, new_pair(issuer.pair.kid)
    try:
        return bad_list(issuer)
    finally:
        issuer.pair = own


def redirected(issuer: Issuer) -> Page:
    issuer.pages["/moved"] = issuer.pages[STATUS]
    return Page(b"", {"Location": f"{issuer.url}/moved"}, status=307)


BAD_LISTS: dict[str, Callable[[Issuer], Page]] = {
    "not there": lambda i: Page(b"", status=404),
    "a redirect": redirected,
    "not ASCII": lambda i: Page(i.pages[STATUS].body + b"\xff"),
    "no token": lambda i: Page(b"[]"),
    "huge": lambda i: Page(b"A" * (2 * 1024 * 1024 + 1)),
    "packed by HTTP": lambda i: Page(i.pages[STATUS].body, {"Content-Encoding": "gzip"}),
    "of a foreign key": by_foreign_key,
    "of an unknown key": lambda i: by_header(i, kid="key-9"),
    "of algorithm none": lambda i: by_header(i, alg="none"),
    "an access token": lambda i: Page(i.listed().encode()),
    "typ JWT": lambda i: by_header(i, typ="JWT"),
    "with an address of keys": lambda i: by_header(i, jku=i.url),
    "of another address": lambda i: bad_list(i, sub=f"{i.url}/.well-known/status/1"),
    "of no address": lambda i: bad_list(i, sub=None),
    "that never lived": lambda i: bad_list(i, iat=i.claims()["iat"] + 5, exp=i.claims()["iat"] + 5),
    "expired": lambda i: bad_list(i, exp=i.claims()["iat"] - 10),
    "without an end": lambda i: bad_list(i, exp=None),
    "from tomorrow": lambda i: bad_list(i, iat=i.claims()["iat"] + 86_400),
    "without a beginning": lambda i: bad_list(i, iat=None),
    "without a ttl": lambda i: bad_list(i, ttl=None),
    "of ttl zero": lambda i: bad_list(i, ttl=0),
    "of a ttl that is true": lambda i: bad_list(i, ttl=True),
    "no list in it": lambda i: bad_list(i, status_list=None),
    "a list of numbers": lambda i: bad_list(i, status_list=[0, 1]),
    "two bits a session": lambda i: bad_list(i, status_list=bits(bytes(16), 2)),
    "bits that are text": lambda i: bad_list(i, status_list=bits(bytes(16), "1")),
    "bits that are true": lambda i: bad_list(i, status_list=bits(bytes(16), True)),
    "no bits": lambda i: bad_list(i, status_list={"bits": 1}),
    "not packed": lambda i: bad_list(i, status_list=lst(encoded(bytes(16)))),
    "packed and cut off": lambda i: bad_list(
        i, status_list=lst(encoded(zlib.compress(bytes(16))[:-1]))
    ),
    "packed with more behind": lambda i: bad_list(
        i, status_list=lst(encoded(zlib.compress(bytes(16)) + b"x"))
    ),
    "padded": lambda i: bad_list(i, status_list=lst(encoded(zlib.compress(bytes(16))) + "==")),
    "a bomb": lambda i: bad_list(i, status_list=bits(bytes(1024 * 1024 + 1))),
    "a greater bomb": lambda i: bad_list(i, status_list=bits(bytes(200 * 1024 * 1024))),
}


@pytest.mark.spec("Token Status List", "5.1", "8.3")
@pytest.mark.parametrize("make", BAD_LISTS.values(), ids=BAD_LISTS)
def test_a_bad_list_is_as_good_as_none_and_is_asked_for_once_a_pause(
    issuer: Issuer, verifier: Verifier, clock: Clock, make: Callable[[Issuer], Page]
) -> None:
    issuer.pages[STATUS] = make(issuer)
    for _ in range(3):
        with pytest.raises(VerifierUnavailable):
            verifier.verify(issuer.listed())
    assert issuer.calls == {JWKS: 1, STATUS: 1}
    issuer.publish_list(bytes(16))
    clock.forward(1)
    verifier.verify(issuer.listed())


def test_the_largest_list_is_read(issuer: Issuer, verifier: Verifier) -> None:
    issuer.publish_list(bytes(1024 * 1024 - 1) + b"\x80")
    assert refusal(verifier, issuer.listed(8 * 1024 * 1024 - 1)) is Refusal.ENDED


def test_a_service_that_fails_open_believes_without_a_list_but_never_against_one(
    issuer: Issuer, clock: Clock
) -> None:
    verifier = with_policy(issuer, "fail_open")
    good, issuer.pages[STATUS] = issuer.pages[STATUS], Page(b"", status=503)
    verifier.verify(issuer.listed(3))
    issuer.pages[STATUS] = good
    issuer.publish_list(ENDED_3)
    clock.forward(1)
    assert refusal(verifier, issuer.listed(3)) is Refusal.ENDED
    assert refusal(verifier, issuer.listed(128)) is Refusal.STATUS


def test_a_service_that_ignores_lists_asks_for_none(issuer: Issuer) -> None:
    issuer.publish_list(ENDED_3)
    verifier = with_policy(issuer, "ignore")
    verifier.verify(issuer.listed(3))
    assert issuer.calls == {JWKS: 1}
    elsewhere = {"status_list": {"idx": 3, "uri": "https://thief.example/.well-known/status/0"}}
    assert refusal(verifier, issuer.token(status=elsewhere)) is Refusal.STATUS


def test_each_list_is_fetched_by_itself(issuer: Issuer, verifier: Verifier) -> None:
    other = f"{issuer.url}/.well-known/status/1"
    issuer.publish_list(ENDED_3)
    issuer.pages["/.well-known/status/1"] = bad_list(issuer, sub=other)
    verifier.verify(issuer.token(status={"status_list": {"idx": 3, "uri": other}}))
    assert refusal(verifier, issuer.listed(3)) is Refusal.ENDED


def test_a_list_may_be_signed_by_a_key_that_came_after_the_tokens(
    issuer: Issuer, verifier: Verifier, clock: Clock
) -> None:
    token, old = issuer.listed(), issuer.pair
    verifier.verify(token)
    issuer.pair = new_pair("key-2")
    issuer.publish(old, issuer.pair)
    issuer.publish_list(ENDED_3)
    clock.forward(30)
    assert refusal(verifier, token) is Refusal.ENDED
    assert issuer.calls == {JWKS: 2, STATUS: 2}


def test_a_list_that_a_new_key_signed_tells_that_the_old_ones_were_withdrawn(
    issuer: Issuer, verifier: Verifier, clock: Clock
) -> None:
    """So keys that were replaced at once are out as soon as the list is asked for again."""
    token = issuer.listed()
    verifier.verify(token)
    issuer.pair = new_pair("key-2")
    issuer.publish(issuer.pair)
    issuer.publish_list(bytes(16))
    clock.forward(30)
    verifier.verify(token)
    assert refusal(verifier, token) is Refusal.UNKNOWN_KEY
    verifier.verify(issuer.listed())
    assert issuer.calls == {JWKS: 2, STATUS: 2}


def test_an_unverified_token_makes_nobody_fetch_a_list(issuer: Issuer, verifier: Verifier) -> None:
    """Guards the order: the signature is verified before the address in the token is called."""
    place = {"status_list": {"idx": 3, "uri": issuer.status_uri}}
    forged = signed(issuer.header, issuer.claims(status=place), new_pair("key-1"))
    assert refusal(verifier, forged) is Refusal.SIGNATURE
    assert issuer.calls == {JWKS: 1}


def test_the_log_says_why_a_list_is_not_taken(
    issuer: Issuer, verifier: Verifier, caplog: pytest.LogCaptureFixture
) -> None:
    issuer.pages[STATUS] = bad_list(issuer, exp=issuer.claims()["iat"] - 10)
    with pytest.raises(VerifierUnavailable):
        verifier.verify(issuer.listed())
    ours = [record.getMessage() for record in caplog.records if record.name == "latchkey_verifier"]
    assert ours == [f"{issuer.status_uri} cannot be had: expired"]
