"""LocalIssuer signs tokens for the tests of a service, and needs no running site."""

from collections.abc import Callable
from typing import Any

import pytest
from issuer import AUDIENCE, Issuer
from latchkey_verifier import Refusal, Verifier, VerifierUnavailable
from latchkey_verifier.testing import LocalIssuer
from refusals import refusal

NOWHERE = "https://id.example.invalid"


@pytest.fixture
def service() -> Verifier:
    """Return the verifier of a service, as it is in production."""
    return Verifier(issuer=NOWHERE, audience=AUDIENCE)


@pytest.fixture
def local(service: Verifier, latchkey_issuer: Callable[[Verifier], LocalIssuer]) -> LocalIssuer:
    return latchkey_issuer(service)


def test_a_token_is_accepted_without_a_site(service: Verifier, local: LocalIssuer) -> None:
    token = local.token(roles=["shipping"], scope="orders:read", tenant="north")
    claims = service.verify(token)
    assert (claims.sub, claims.roles, claims.scopes) == (local.sub, ("shipping",), ("orders:read",))
    assert claims.custom == {"tenant": "north"}
    assert not claims.is_service


def test_a_service_token_has_no_roles(service: Verifier, local: LocalIssuer) -> None:
    claims = service.verify(local.service_token("reports", scope="orders:read"))
    assert (claims.is_service, claims.sub, claims.scopes) == (True, "reports", ("orders:read",))
    assert service.verify(local.service_token()).is_service


def test_a_token_can_act_for_a_person(service: Verifier, local: LocalIssuer) -> None:
    assert service.verify(local.token(act={"sub": "orders"})).act == {"sub": "orders"}


BAD: dict[str, tuple[dict[str, Any], Refusal]] = {
    "expired": ({"expires_in": -60}, Refusal.EXPIRED),
    "for another service": ({"aud": "https://payments.example.org"}, Refusal.AUDIENCE),
    "of another issuer": ({"iss": "https://b.example"}, Refusal.ISSUER),
    "without a session": ({"jti": None}, Refusal.CLAIMS),
    "a refresh token": ({"token_type": "refresh"}, Refusal.WRONG_KIND),
}


@pytest.mark.parametrize(("changes", "reason"), BAD.values(), ids=BAD)
def test_a_bad_token_is_refused(
    service: Verifier, local: LocalIssuer, changes: dict[str, Any], reason: Refusal
) -> None:
    assert refusal(service, local.token(**changes)) is reason


def test_a_revoked_session_is_refused_immediately(service: Verifier, local: LocalIssuer) -> None:
    ended, other = local.token(), local.token()
    same = local.token(sid=service.verify(ended).sid)
    local.revoke(ended)
    assert refusal(service, ended) is Refusal.ENDED
    assert refusal(service, same) is Refusal.ENDED
    assert service.verify(other).sub == local.sub


def test_an_unreachable_site_is_simulated(service: Verifier, local: LocalIssuer) -> None:
    token = local.token()
    service.verify(token)
    local.reachable = False
    assert not local.reachable
    with pytest.raises(VerifierUnavailable):
        service.verify(token)
    local.reachable = True
    assert service.verify(token).sub == local.sub


def test_the_verifier_trusts_only_the_site_afterwards(issuer: Issuer, verifier: Verifier) -> None:
    verifier.verify(issuer.token())
    with LocalIssuer(verifier) as local:
        assert verifier.verify(local.token()).sub == local.sub
        assert refusal(verifier, issuer.token()) is Refusal.UNKNOWN_KEY
        kept = local.token()
    verifier.verify(issuer.token())
    assert refusal(verifier, kept) is Refusal.UNKNOWN_KEY
    assert verifier.client is None


def test_a_token_of_the_tests_is_refused_by_others(local: LocalIssuer, issuer: Issuer) -> None:
    """The key exists in the process of the tests only."""
    other = Verifier(issuer=issuer.url, audience=AUDIENCE)
    assert refusal(other, local.token(iss=issuer.url, status=None)) is Refusal.UNKNOWN_KEY
