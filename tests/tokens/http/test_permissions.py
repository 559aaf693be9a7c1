"""Developers protect their API with permissions by role."""

import pytest
from django.contrib.auth.models import Group
from pytest_django import DjangoAssertNumQueries
from rest_framework.permissions import BasePermission
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from accounts.models import User
from tests.conftest import API
from tokens.http.permissions import has_role
from tokens.jwt.claims import AccessToken

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    ("roles", "path", "status"),
    [
        ([], "/api/example/", 200),
        ([], "/api/example/editors/", 403),
        (["authors"], "/api/example/editors/", 403),
        (["authors", "editors"], "/api/example/editors/", 200),
    ],
)
def test_a_view_requires_its_role(
    api: API,
    alice: User,
    django_assert_num_queries: DjangoAssertNumQueries,
    *,
    roles: list[str],
    path: str,
    status: int,
) -> None:
    alice.groups.set(Group.objects.create(name=role) for role in roles)
    headers = {"Authorization": f"Bearer {api.login(alice)['access']}"}
    api.client.get("/api/example/", headers=headers)
    with django_assert_num_queries(0):
        answer = api.client.get(path, headers=headers)
    assert answer.status_code == status
    if status == 403:
        assert answer.json() == {
            "detail": "This needs the role editors.",
            "code": "permission_denied",
        }
        assert answer["WWW-Authenticate"] == "Bearer"


@pytest.mark.trap(57)
def test_a_missing_role_is_403_and_not_401(api: API) -> None:
    answer = api.client.get("/api/example/editors/")
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("permission", "allowed"),
    [
        (has_role("editors", "authors"), True),
        (has_role("editors") & has_role("authors"), False),
        (has_role("authors") | has_role("editors"), True),
        (~has_role("editors"), False),
        (has_role(), False),
    ],
    ids=["one of them", "both", "either", "not", "none"],
)
def test_permissions_combine(
    api: API, alice: User, *, permission: type[BasePermission], allowed: bool
) -> None:
    """Permissions work for views and for single objects."""
    alice.groups.add(Group.objects.create(name="editors"))
    request = APIView().initialize_request(APIRequestFactory().get("/"))
    request.auth = AccessToken(api.login(alice)["access"])
    assert permission().has_permission(request, APIView()) is allowed
    assert permission().has_object_permission(request, APIView(), alice) is allowed
