"""Of the classes for Django REST framework: users, combined permissions, settings and errors."""

from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import RequestFactory, override_settings
from issuer import AUDIENCE, Issuer
from latchkey_verifier import Claims, Verifier
from latchkey_verifier.drf import LatchkeyAuthentication, TokenUser, default_verifier
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework.throttling import UserRateThrottle
from rest_framework.views import APIView
from shops import Call, caller, drf_app


@pytest.fixture
def get(verifier: Verifier) -> Call:
    return caller(drf_app(verifier))


def test_the_user_has_the_id_of_the_token(get: Call, issuer: Issuer) -> None:
    assert get("/me", issuer.token()).json()["pk"] == issuer.claims()["sub"]


def test_an_error_has_the_format_of_the_site(get: Call) -> None:
    assert get("/me", "garbage").json() == {
        "detail": "Token is invalid or expired",
        "code": "token_not_valid",
    }


def test_permissions_combine(get: Call, issuer: Issuer) -> None:
    shipping, stock = issuer.token(roles=["shipping"]), issuer.token(scope="stock")
    assert [get("/either", token).status_code for token in (shipping, stock)] == [200, 200]
    assert get("/either", issuer.token()).status_code == 403
    assert get("/other", shipping).status_code == 403
    assert get("/other", stock).status_code == 200
    assert get("/other").status_code == 401


def test_a_bad_token_is_401_where_everyone_is_allowed(get: Call, issuer: Issuer) -> None:
    assert get("/anyone").json() == {"signed_in": False}
    assert get("/anyone", issuer.token()).json() == {"signed_in": True}
    assert get("/anyone", "garbage").status_code == 401


def authenticate(token: str, authentication: Any) -> Any:
    request = RequestFactory().get("/", headers={"Authorization": f"Bearer {token}"})
    return Request(request, authenticators=[authentication]).user


def test_a_subclass_chooses_the_verifier_and_the_user(verifier: Verifier, issuer: Issuer) -> None:
    class Customers(LatchkeyAuthentication):
        def get_user(self, claims: Claims) -> str:
            if not claims.has_role("customers"):
                raise AuthenticationFailed
            return f"customer {claims.sub}"

    Customers.verifier = verifier
    customer = issuer.token(roles=["customers"])
    assert authenticate(customer, Customers()) == f"customer {issuer.claims()['sub']}"
    with pytest.raises(AuthenticationFailed):
        authenticate(issuer.token(), Customers())


def test_throttles_count_each_subject(get: Call, verifier: Verifier, issuer: Issuer) -> None:
    class Throttle(UserRateThrottle):
        rate = "1/hour"

    user = authenticate(issuer.token(), LatchkeyAuthentication())
    assert user == TokenUser(verifier.verify(issuer.token()))
    assert len({user, TokenUser(verifier.verify(issuer.token(sub="other")))}) == 2
    request = Request(RequestFactory().get("/"))
    request.user = user
    assert user.pk in str(Throttle().get_cache_key(request, APIView()))
    assert not user.has_perm("orders.view_order")


@pytest.mark.parametrize(
    "options",
    [None, {}, {"issuer": "https://id.example.org"}, {"issuer": "nowhere", "audience": AUDIENCE}],
    ids=["missing", "empty", "without an audience", "with a bad issuer"],
)
def test_a_wrong_setting_is_reported(options: Any) -> None:
    with override_settings(LATCHKEY=options), pytest.raises(ImproperlyConfigured, match="LATCHKEY"):
        default_verifier()


def test_a_changed_setting_is_used(issuer: Issuer, verifier: Verifier) -> None:
    get = caller(drf_app(verifier))
    assert get("/me", issuer.token()).status_code == 200
    other = {"issuer": issuer.url, "audience": f"{AUDIENCE}/other"}
    with override_settings(LATCHKEY=other):
        assert get("/me", issuer.token()).status_code == 401
    assert get("/me", issuer.token()).status_code == 200


def test_other_exceptions_have_the_default_answer(get: Call, issuer: Issuer) -> None:
    assert get("/me", issuer.token(), Accept="image/png").status_code == 406
