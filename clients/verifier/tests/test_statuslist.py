"""A revoked session is refused. If its list cannot be fetched, the policy decides."""

import pytest
from conftest import Clock
from issuer import AUDIENCE, JWKS, STATUS, Issuer, Page, new_pair, signed
from latchkey_verifier import Refusal, TokenRefused, Verifier, VerifierUnavailable
from refusals import refusal

REVOKED_3 = bytes([0b0000_1000]) + bytes(15)


def with_policy(issuer: Issuer, policy: str) -> Verifier:
    return Verifier(
        issuer=issuer.url,
        audience=AUDIENCE,
        timeout=2,
        status_list=policy,  # type: ignore[arg-type]  # a str, for brevity
    )


def test_only_the_revoked_session_is_refused(issuer: Issuer, verifier: Verifier) -> None:
    issuer.publish_list(REVOKED_3)
    assert refusal(verifier, issuer.listed(3)) is Refusal.ENDED
    for index in (0, 2, 4, 7, 8, 11, 127):
        verifier.verify(issuer.listed(index))
    assert issuer.calls == {JWKS: 1, STATUS: 1}


@pytest.mark.spec("Token Status List", "4.1")
def test_the_example_of_the_specification_is_decoded(issuer: Issuer, verifier: Verifier) -> None:
    issuer.publish_list(b"")
    token = issuer.list_token(status_list={"bits": 1, "lst": "eNrbuRgAAhcBXQ"})
    issuer.pages[STATUS].body = token.encode()
    revoked = []
    for index in range(16):
        try:
            verifier.verify(issuer.listed(index))
        except TokenRefused:
            revoked.append(index)
    assert revoked == [0, 3, 4, 5, 7, 8, 9, 13, 15]


@pytest.mark.spec("Token Status List", "8.3")
def test_an_index_out_of_range_is_refused(issuer: Issuer, verifier: Verifier) -> None:
    issuer.publish_list(bytes(16))
    verifier.verify(issuer.listed(127))
    for index in (128, 10**9, 10**30):
        assert refusal(verifier, issuer.listed(index)) is Refusal.STATUS


def test_a_token_without_a_status_claim_needs_no_list(issuer: Issuer, verifier: Verifier) -> None:
    verifier.verify(issuer.token())
    assert issuer.calls == {JWKS: 1}


def test_a_remembered_token_is_refused_after_its_revocation(
    issuer: Issuer, verifier: Verifier, clock: Clock
) -> None:
    """Guards the check of the list for remembered tokens."""
    token = issuer.listed(3)
    verifier.verify(token)
    issuer.publish_list(REVOKED_3)
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
    ids=["ttl", "max-age", "ttl without max-age", "exp", "maximum", "minimum"],
)
def test_a_list_is_cached_for_the_least_of_ttl_max_age_and_exp(
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


def test_a_list_that_cannot_be_fetched_is_used_until_its_exp(
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


def test_different_clocks_do_not_change_a_list_s_lifetime(
    issuer: Issuer, verifier: Verifier, clock: Clock
) -> None:
    """The issuer's clock is eight seconds slow: by ours, the list expires in two seconds."""
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


def test_a_list_of_the_maximum_size_is_accepted(issuer: Issuer, verifier: Verifier) -> None:
    issuer.publish_list(bytes(1024 * 1024 - 1) + b"\x80")
    assert refusal(verifier, issuer.listed(8 * 1024 * 1024 - 1)) is Refusal.ENDED


def test_fail_open_accepts_without_a_list_but_not_against_one(issuer: Issuer, clock: Clock) -> None:
    verifier = with_policy(issuer, "fail_open")
    working, issuer.pages[STATUS] = issuer.pages[STATUS], Page(b"", status=503)
    verifier.verify(issuer.listed(3))
    issuer.pages[STATUS] = working
    issuer.publish_list(REVOKED_3)
    clock.forward(1)
    assert refusal(verifier, issuer.listed(3)) is Refusal.ENDED
    assert refusal(verifier, issuer.listed(128)) is Refusal.STATUS


def test_a_service_that_ignores_lists_fetches_none(issuer: Issuer) -> None:
    issuer.publish_list(REVOKED_3)
    verifier = with_policy(issuer, "ignore")
    verifier.verify(issuer.listed(3))
    assert issuer.calls == {JWKS: 1}
    foreign = {"status_list": {"idx": 3, "uri": "https://thief.example/.well-known/status/0"}}
    assert refusal(verifier, issuer.token(status=foreign)) is Refusal.STATUS


def test_a_list_may_be_signed_by_a_newer_key_than_the_token(
    issuer: Issuer, verifier: Verifier, clock: Clock
) -> None:
    token, old = issuer.listed(), issuer.pair
    verifier.verify(token)
    issuer.pair = new_pair("key-2")
    issuer.publish(old, issuer.pair)
    issuer.publish_list(REVOKED_3)
    clock.forward(30)
    assert refusal(verifier, token) is Refusal.ENDED
    assert issuer.calls == {JWKS: 2, STATUS: 2}


def test_a_list_signed_by_a_new_key_reveals_withdrawn_keys(
    issuer: Issuer, verifier: Verifier, clock: Clock
) -> None:
    """After an emergency replacement, old keys are refused from the next fetch of the list on."""
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


def test_an_unverified_token_does_not_cause_a_list_fetch(
    issuer: Issuer, verifier: Verifier
) -> None:
    """Guards the order: the signature is verified before the URL in the token is called."""
    status = {"status_list": {"idx": 3, "uri": issuer.status_uri}}
    forged = signed(issuer.header, issuer.claims(status=status), new_pair("key-1"))
    assert refusal(verifier, forged) is Refusal.SIGNATURE
    assert issuer.calls == {JWKS: 1}
