"""Scopes, audiences, services that act for a person, and custom claims."""

from typing import Any

import pytest
from issuer import AUDIENCE, Issuer
from latchkey_verifier import Refusal, ScopeLacking, TokenRefused, Verifier
from refusals import refusal

SERVICE = "5f0d9d60-6c53-4d7c-9a37-6f4b1d3f4c11"


@pytest.mark.spec("RFC 9068", "2.2.3")
def test_a_required_scope_must_be_in_the_token(issuer: Issuer, verifier: Verifier) -> None:
    claims = verifier.verify(issuer.token(scope="orders:read stock"))
    assert claims.scopes == ("orders:read", "stock")
    assert claims.has_scope("stock")
    assert not claims.has_scope("orders")
    claims.require_scope("orders:read")
    with pytest.raises(ScopeLacking, match="orders:write") as lacking:
        claims.require_scope("orders:write")
    assert lacking.value.scope == "orders:write"


def test_a_token_without_scope_has_none(issuer: Issuer, verifier: Verifier) -> None:
    claims = verifier.verify(issuer.token())
    assert claims.scopes == ()
    with pytest.raises(ScopeLacking):
        claims.require_scope("orders:read")


@pytest.mark.spec("RFC 9068", "4")
@pytest.mark.spec("RFC 8707", "2")
def test_a_token_for_orders_is_refused_by_payments(issuer: Issuer) -> None:
    orders = Verifier(issuer=issuer.url, audience=AUDIENCE)
    payments = Verifier(issuer=issuer.url, audience="https://payments.example.org")
    token = issuer.token()
    assert orders.verify(token).client_id == "latchkey"
    assert refusal(payments, token) is Refusal.AUDIENCE
    assert orders.verify(token).client_id == "latchkey"


def test_a_service_has_no_roles(issuer: Issuer, verifier: Verifier) -> None:
    claims = verifier.verify(issuer.token(sub=SERVICE, client_id=SERVICE, roles=None))
    assert (claims.is_service, claims.roles) == (True, ())
    assert not verifier.verify(issuer.token()).is_service


@pytest.mark.spec("RFC 8693", "4.1")
def test_the_service_that_acts_for_a_person_is_named(issuer: Issuer, verifier: Verifier) -> None:
    actor = {"sub": SERVICE, "act": {"sub": "an earlier service"}}
    claims = verifier.verify(issuer.token(client_id=SERVICE, act=actor))
    assert claims.act == actor
    assert not claims.is_service
    assert verifier.verify(issuer.token()).act is None


def test_custom_claims_are_passed_on(issuer: Issuer, verifier: Verifier) -> None:
    custom: dict[str, Any] = {
        "tenant": "north",
        "limits": {"orders": 5},
        "shops": ["a", "b"],
        "beta": None,
    }
    assert verifier.verify(issuer.token(**{**custom, "beta": True})).custom == {
        "tenant": "north",
        "limits": {"orders": 5},
        "shops": ("a", "b"),
        "beta": True,
    }
    assert verifier.verify(issuer.token()).custom == {}


def test_no_caller_can_change_what_the_next_one_receives(
    issuer: Issuer, verifier: Verifier
) -> None:
    token = issuer.token(act={"sub": SERVICE}, tenant={"shops": ["a"]})
    claims = verifier.verify(token)
    assert hash(claims) == hash(verifier.verify(token))
    for mapping in (claims.act, claims.custom, claims.custom["tenant"]):
        with pytest.raises(TypeError):
            mapping["sub"] = "x"  # type: ignore[index]  # must fail
    with pytest.raises(AttributeError):
        claims.custom["tenant"]["shops"].append("b")


def nested(depth: int) -> list[object]:
    value: list[object] = []
    for _ in range(depth):
        value = [value]
    return value


REFUSED: dict[str, dict[str, Any]] = {
    "a scope that is a list": {"scope": ["orders:read"]},
    "an empty scope": {"scope": ""},
    "a scope that is a number": {"scope": 1},
    "an actor that is a text": {"act": SERVICE},
    "an actor without a name": {"act": {}},
    "an actor whose name is a number": {"act": {"sub": 1}},
    "a person without roles": {"roles": None},
    "a service whose roles are a text": {"client_id": SERVICE, "sub": SERVICE, "roles": "admin"},
    "a custom claim nested too deep": {"tenant": nested(400)},
}


@pytest.mark.parametrize("changes", REFUSED.values(), ids=REFUSED)
def test_claims_of_the_wrong_type_are_refused(
    issuer: Issuer, verifier: Verifier, changes: dict[str, Any]
) -> None:
    with pytest.raises(TokenRefused) as refused:
        verifier.verify(issuer.token(**changes))
    assert refused.value.reason is Refusal.CLAIMS
    assert not issuer.calls
