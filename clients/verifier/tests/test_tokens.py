"""Valid tokens are accepted and remembered, in bounded memory."""

from collections.abc import Callable
from dataclasses import FrozenInstanceError

import jwt
import pytest
from conftest import Clock
from issuer import AUDIENCE, JWKS, Issuer, new_pair, signed
from latchkey_verifier import Refusal, RoleLacking, TokenRefused, Verifier

Forge = Callable[[Issuer], str]


@pytest.mark.parametrize("algorithm", ["ES256", "RS256", "EdDSA"])
def test_a_valid_token_is_accepted_and_its_claims_returned(
    issuer: Issuer, verifier: Verifier, algorithm: str
) -> None:
    issuer.pair = new_pair("key-2", algorithm)
    issuer.publish(issuer.pair)
    signed_claims = issuer.claims(roles=["support", "shipping"])
    claims = verifier.verify(signed(issuer.header, signed_claims, issuer.pair))
    ids = (signed_claims["sub"], signed_claims["sid"], signed_claims["jti"])
    assert (claims.sub, claims.sid, claims.jti) == ids
    assert (claims.client_id, claims.roles, claims.rv) == ("latchkey", ("support", "shipping"), 1)
    assert (claims.exp, claims.iat) == (signed_claims["exp"], signed_claims["iat"])
    assert claims.auth_time == signed_claims["auth_time"]
    assert claims.place is None
    assert issuer.calls == {JWKS: 1}


def test_callers_share_claims_that_cannot_be_changed(issuer: Issuer, verifier: Verifier) -> None:
    """Every call with the same token returns the same object, which must be immutable."""
    token = issuer.token(roles=["support"])
    claims = verifier.verify(token)
    assert verifier.verify(token) is claims
    assert {claims} == {verifier.verify(token)}
    with pytest.raises(FrozenInstanceError):
        claims.roles = ("shipping",)  # type: ignore[misc]  # must fail
    with pytest.raises(AttributeError):
        claims.roles.append("shipping")  # type: ignore[attr-defined]  # must fail
    assert verifier.verify(token).roles == ("support",)


VALID: dict[str, Forge] = {
    "unchanged": lambda issuer: issuer.token(),
    "typ as a whole media type": lambda issuer: issuer.token(header={"typ": "application/at+jwt"}),
    "typ in capitals": lambda issuer: issuer.token(header={"typ": "AT+JWT"}),
    "an audience of several": lambda issuer: issuer.token(aud=["https://b.example", AUDIENCE]),
    "no roles at all": lambda issuer: issuer.token(roles=[]),
    "an unknown claim": lambda issuer: issuer.token(tenant="north"),
    "not before now": lambda issuer: issuer.token(nbf=issuer.claims()["iat"]),
    "another server's clock five seconds ahead": lambda issuer: issuer.token(
        iat=issuer.claims()["iat"] + 5
    ),
    "expired five seconds ago": lambda issuer: issuer.token(exp=issuer.claims()["iat"] - 5),
}


@pytest.mark.parametrize("make", VALID.values(), ids=VALID)
def test_unusual_but_valid_tokens_are_accepted(
    issuer: Issuer, verifier: Verifier, make: Forge
) -> None:
    assert verifier.verify(make(issuer)).client_id == "latchkey"


def test_only_the_configured_algorithms_are_accepted(issuer: Issuer) -> None:
    verifier = Verifier(issuer=issuer.url, audience=AUDIENCE, algorithms=["EdDSA"])
    with pytest.raises(TokenRefused) as refused:
        verifier.verify(issuer.token())
    assert refused.value.reason is Refusal.ALGORITHM


def test_a_remembered_token_is_refused_after_it_expires(
    issuer: Issuer, verifier: Verifier, clock: Clock
) -> None:
    """Guards the check of times for remembered tokens."""
    token = issuer.token()
    verifier.verify(token)
    clock.forward(309)
    verifier.verify(token)
    clock.forward(1)
    with pytest.raises(TokenRefused) as refused:
        verifier.verify(token)
    assert refused.value.reason is Refusal.EXPIRED


def test_the_signature_of_a_remembered_token_is_not_rechecked(
    issuer: Issuer, verifier: Verifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The test counts the signature checks of the cryptographic library."""
    verified = []
    algorithm = type(jwt.get_algorithm_by_name("ES256"))
    verify = algorithm.verify

    def counted(*arguments: object) -> bool:
        verified.append(arguments)
        return bool(verify(*arguments))  # type: ignore[arg-type]  # hostile values

    monkeypatch.setattr(algorithm, "verify", counted)
    token = issuer.token()
    assert [verifier.verify(token) for _ in range(3)] == [verifier.verify(token)] * 3
    assert len(verified) == 1


def test_the_number_of_remembered_tokens_is_bounded(issuer: Issuer) -> None:
    verifier = Verifier(issuer=issuer.url, audience=AUDIENCE, remembered=2)
    for number in range(5):
        verifier.verify(issuer.token(jti=f"token {number}"))
    assert len(verifier._verified._entries) == 2


def test_a_required_role_must_be_among_the_claims(issuer: Issuer, verifier: Verifier) -> None:
    claims = verifier.verify(issuer.token(roles=["support"]))
    assert claims.has_role("support")
    assert not claims.has_role("supp")
    claims.require_role("support")
    with pytest.raises(RoleLacking, match="shipping"):
        claims.require_role("shipping")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"issuer": "http://id.example.org"}, "An issuer is an origin"),
        ({"issuer": "https://id.example.org/"}, "An issuer is an origin"),
        ({"issuer": "https://user@id.example.org"}, "An issuer is an origin"),
        ({"issuer": "http://localhost.example.org"}, "An issuer is an origin"),
        ({"algorithms": ["HS256"]}, "Algorithms are among"),
        ({"algorithms": ["none"]}, "Algorithms are among"),
        ({"algorithms": []}, "Algorithms are among"),
        ({"status_list": "fail"}, "status_list is"),
    ],
    ids=str,
)
def test_unsafe_arguments_of_a_verifier_are_refused(change: dict[str, str], sentence: str) -> None:
    given = {"issuer": "https://id.example.org", "audience": AUDIENCE, **change}
    with pytest.raises(ValueError, match=sentence):
        Verifier(**given)  # type: ignore[arg-type]  # wrong options
