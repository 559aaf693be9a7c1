"""A 403 tells the holder of a bearer token that the token does not suffice (RFC 6750)."""

from typing import Any

import pytest
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIClient
from rest_framework.views import APIView

from accounts.models import User
from project import urls as site_urls
from tests.conftest import API
from tests.support.browsing import App
from tests.tokens.oauth.conftest import create_service
from tokens.http.permissions import IsPerson, has_role, has_scope
from tokens.service_accounts.accounts import authenticate, issue

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("known_scopes"),
    pytest.mark.urls(__name__),
]

LACKING = 'Bearer error="insufficient_scope"'
READ, STOCK = has_scope("orders:read"), has_scope("orders:write", "stock")
HELD = has_scope("stock")
EDITOR = has_role("editors")
#: The permissions of a view, and the challenge to a token with the scope `stock` and no role.
CHALLENGES: dict[str, tuple[list[Any], str]] = {
    "role": ([EDITOR], "Bearer"),
    "scope": ([READ], f'{LACKING}, scope="orders:read"'),
    "scopes": ([STOCK], f'{LACKING}, scope="orders:write stock"'),
    "second": ([IsAuthenticated, READ], f'{LACKING}, scope="orders:read"'),
    "both": ([READ & EDITOR], LACKING),
    "either": ([READ | STOCK], LACKING),
    "scope or role": ([READ | EDITOR], LACKING),
    "role of both": ([HELD & EDITOR], "Bearer"),
    "another": ([~HELD], "Bearer"),
    "person": ([IsPerson], "Bearer"),
    "person first": ([IsPerson, READ], "Bearer"),
}


class OrdersView(APIView):
    def get(self, request: Request) -> Response:
        return Response({})


class OwnedView(APIView):
    def get(self, request: Request) -> Response:
        raise PermissionDenied("This order belongs to another person.")


@permission_required("accounts.view_user")
def plain(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


urlpatterns = [
    *(
        path(f"api/orders/{name}/", OrdersView.as_view(permission_classes=permissions))
        for name, (permissions, _) in CHALLENGES.items()
    ),
    path("api/orders/owned/", OwnedView.as_view()),
    path("api/orders/plain/", plain),
    *site_urls.urlpatterns,
]


@pytest.mark.spec("RFC 6750", "3", "3.1")
@pytest.mark.parametrize(("name", "challenge"), [(k, v[1]) for k, v in CHALLENGES.items()])
def test_a_token_is_told_whether_another_scope_helps(name: str, challenge: str) -> None:
    token = issue(authenticate(create_service(scope="stock").secret))
    headers = {"Authorization": f"Bearer {token}"}
    answer = Client().get(f"/api/orders/{name}/", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")
    assert answer["WWW-Authenticate"] == challenge


@pytest.mark.spec("RFC 6750", "3", "3.1")
@pytest.mark.parametrize("name", ["owned", "plain"])
def test_a_refusal_by_a_view_of_any_kind_is_the_same(api: API, alice: User, name: str) -> None:
    headers = {"Authorization": f"Bearer {api.login(alice)['access']}"}
    answer = Client().get(f"/api/orders/{name}/", headers=headers)
    assert (answer.status_code, answer["WWW-Authenticate"]) == (403, "Bearer")


@pytest.mark.parametrize("name", ["role", "owned", "plain"])
def test_a_cookie_is_not_challenged(alice: User, name: str) -> None:
    app = App()
    app.login(alice)
    answer = app.client.get(f"/api/orders/{name}/")
    assert answer.status_code == 403
    assert "WWW-Authenticate" not in answer


def test_a_refused_csrf_token_is_not_challenged(alice: User) -> None:
    app = App()
    app.login(alice)
    answer = app.client.post("/api/auth/logout/all/")
    assert (answer.status_code, answer.json()["code"]) == (403, "csrf_failed")
    assert "WWW-Authenticate" not in answer


def test_a_request_without_a_token_is_not_challenged(alice: User) -> None:
    client = APIClient()
    client.force_authenticate(alice)
    answer = client.get("/api/orders/role/", headers={"Authorization": "Basic YTpi"})
    assert answer.status_code == 403
    assert "WWW-Authenticate" not in answer
