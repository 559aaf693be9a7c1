"""The clients with which developers test scopes, audiences, claims and programs."""

import re
from typing import Any, cast

import pytest
from django.urls import path
from pytest_django import Settings
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from accounts.models import User
from project import urls
from tests.support.site import ROOT
from tests.tokens.test_testing import CALLER, EDITORS, SignedIn
from tokens.http.permissions import has_scope
from tokens.jwt.claims import AccessToken
from tokens.models import DeviceSession
from tokens.testing import access_token, client_for, client_for_program, program_token, sign_in

STOCK = "/api/stock/"


class StockView(APIView):
    permission_classes = [has_scope("stock:read")]

    def get(self, request: Request) -> Response:
        return Response({})


class OrdersView(APIView):
    """The view of the documented tests."""

    def get_permissions(self) -> list[BasePermission]:
        unsafe = self.request.method == "POST"
        return [has_scope("orders:write" if unsafe else "orders:read")()]

    def get(self, request: Request) -> Response:
        return Response([])

    def post(self, request: Request) -> Response:
        return Response({}, status=201)


class TenantView(APIView):
    def get(self, request: Request) -> Response:
        return Response({"tenant": cast("AccessToken", request.auth).get("tenant")})


urlpatterns = [
    path("api/stock/", StockView.as_view()),
    path("api/shop/orders/", OrdersView.as_view()),
    path("api/shop/tenant/", TenantView.as_view()),
    *urls.urlpatterns,
]

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]


@pytest.mark.parametrize(
    ("scope", "status"), [("stock:read", 200), ("stock stock:read", 200), ("stock", 403), ("", 403)]
)
def test_a_client_has_the_given_scope_only(alice: User, scope: str, status: int) -> None:
    """The settings need not define it."""
    request = APIRequestFactory().get(STOCK)
    sign_in(request, alice, scope=scope)
    assert StockView.as_view()(request).status_code == status
    for client in (client_for(alice, scope=scope), client_for_program(scope=scope)):
        assert client.get(STOCK).status_code == status


def test_a_client_has_the_scopes_of_the_settings(settings: Settings, alice: User) -> None:
    assert "scope" not in AccessToken(access_token(alice))
    settings.TOKENS = {**settings.TOKENS, "SCOPES": {"stock:read": "Read the stock."}}
    assert AccessToken(access_token(alice))["scope"] == "stock:read"
    assert "scope" not in AccessToken(program_token())


@pytest.mark.parametrize(
    ("audience", "status"),
    [(None, 200), ("http://localhost:8000", 200), ("https://b.example", 401)],
)
def test_a_client_has_the_given_audience(alice: User, audience: str | None, status: int) -> None:
    program = client_for_program(audience=audience)
    for client in (client_for(alice, audience=audience), program):
        assert client.get(CALLER).status_code == status


def test_a_program_is_not_a_person() -> None:
    client = client_for_program(scope="stock:read")
    assert client.get("/api/account/me/").status_code == 403
    assert client.get(EDITORS).status_code == 403


def test_a_client_has_the_claims_of_the_settings(settings: Settings, alice: User) -> None:
    settings.TOKENS = {**settings.TOKENS, "CLAIMS": f"{__name__}.tenant"}
    alice.last_name = "acme"
    alice.save()
    assert AccessToken(access_token(alice))["tenant"] == "acme"
    assert AccessToken(program_token())["tenant"] == "of a program"


def tenant(subject: Any, session: DeviceSession) -> dict[str, str | None]:
    return {"tenant": (subject.last_name or None) if session.user_id else "of a program"}


def test_the_documented_tests_of_scopes_and_claims_pass(
    signed_in: SignedIn, django_user_model: type[User], settings: Settings
) -> None:
    """The shop of the documents is replaced by the views of this module."""
    text = (ROOT / "docs/protecting.md").read_text()
    (code,) = re.findall(r"```python\n(from tokens.testing.*?)```", text, re.DOTALL)
    names: dict[str, Any] = {}
    exec(code.replace("shop.claims", __name__), names)  # noqa: S102  (documented code)
    names["test_writing_needs_the_scope"](signed_in, django_user_model)
    User.objects.all().delete()
    names["test_a_program_reads_the_orders"](None)
    names["test_a_person_may_have_no_tenant"](signed_in, django_user_model, settings)
