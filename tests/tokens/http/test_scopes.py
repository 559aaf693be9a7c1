"""Permissions by scope, and programs at the endpoints of people."""

from typing import Any

import pytest
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.models import Group
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.test import Client
from django.urls import path
from pytest_django import DjangoAssertNumQueries, Settings
from rest_framework.permissions import BasePermission, DjangoModelPermissions, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.throttling import ScopedRateThrottle, UserRateThrottle
from rest_framework.views import APIView

from accounts.models import User
from project import urls as site_urls
from tests.conftest import API
from tests.project.web.schema_examples import EVERY
from tests.tokens.oauth.conftest import Service, create_service
from tokens.http.authentication import ServiceUser
from tokens.http.permissions import IsPerson, has_role, has_scope
from tokens.jwt.claims import AccessToken
from tokens.service_accounts.accounts import authenticate, issue

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("known_scopes")]

READ, WRITE = has_scope("orders:read"), has_scope("orders:write")
EDITOR = has_role("editors")
BOTH = has_scope("orders:read", "orders:write")
#: Each permission, and whether an editor with orders:read and a service with it have it.
PERMISSIONS: dict[str, tuple[Any, bool, bool]] = {
    "the scope": (READ, True, True),
    "another scope": (WRITE, False, False),
    "both scopes": (BOTH, False, False),
    "scope and role": (READ & EDITOR, True, False),
    "scope or role": (WRITE | EDITOR, True, False),
    "not the scope": (~READ, False, False),
    "not another scope": (~WRITE, True, True),
    "a person with the scope": (READ & IsPerson, True, False),
    "no scope at all": (has_scope(), True, True),
}


def token_of(service: Service, scope: str | None = None) -> str:
    return str(issue(authenticate(service.secret), scope=scope))


def editor(api: API, alice: User) -> str:
    alice.groups.add(Group.objects.create(name="editors"))
    body = {"username": "alice", "password": "seven wet otters", "scope": "orders:read"}
    return str(api.post("login/", body).json()["access"])


def request_with(raw: str) -> Request:
    """Return a request that the default authentication has accepted."""
    headers = {"Authorization": f"Bearer {raw}"}
    request = APIView().initialize_request(APIRequestFactory().get("/", headers=headers))
    assert request.user.is_authenticated
    return request


@pytest.mark.spec("RFC 9068", "2.2.3")
@pytest.mark.parametrize(
    ("permission", "of_person", "of_service"), PERMISSIONS.values(), ids=PERMISSIONS
)
def test_permissions_by_scope_and_role_combine(
    api: API,
    alice: User,
    service: Service,
    *,
    permission: type[BasePermission],
    of_person: bool,
    of_service: bool,
) -> None:
    """For the view, and for an object that a view looks at."""
    for raw, allowed in (
        (editor(api, alice), of_person),
        (token_of(service, "orders:read"), of_service),
    ):
        request = request_with(raw)
        assert permission().has_permission(request, APIView()) is allowed
        if "IsPerson" not in repr(permission.__dict__):
            assert permission().has_object_permission(request, APIView(), alice) is allowed


def test_a_request_without_a_token_has_no_scope(alice: User) -> None:
    request = APIView().initialize_request(APIRequestFactory().get("/"))
    for permission in (READ, has_scope(), IsPerson):
        assert not permission().has_permission(request, APIView())


def test_a_person_without_a_chosen_scope_has_every_scope(api: API, alice: User) -> None:
    request = request_with(api.login(alice)["access"])
    assert BOTH().has_permission(request, APIView())
    assert not has_scope("introspect")().has_permission(request, APIView())


PERSONAL = {
    f"{one.method} {one.path}": (one.method, one.path)
    for one in EVERY
    if one.signed_in and not one.path.startswith("/api/example/")
}


@pytest.mark.parametrize("path", ["account/me", "account/events", "auth/sessions", "auth/userinfo"])
def test_a_scope_does_not_limit_the_account_api(api: API, alice: User, path: str) -> None:
    headers = {"Authorization": f"Bearer {editor(api, alice)}"}
    assert Client().get(f"/api/{path}/", headers=headers).status_code == 200
    names = {"first_name": "Alice"}
    kind = "application/json"
    changed = Client().patch("/api/account/me/", names, content_type=kind, headers=headers)
    assert changed.status_code == 200


@pytest.mark.parametrize(("method", "url"), PERSONAL.values(), ids=PERSONAL)
def test_a_services_token_is_refused_where_people_are_meant(
    service: Service, method: str, url: str
) -> None:
    headers = {"Authorization": f"Bearer {token_of(service)}"}
    url = url.replace("{sid}", str(service.row.session.sid))
    answer = Client().generic(method.upper(), url, "{}", "application/json", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")
    service.row.session.refresh_from_db()
    assert service.row.session.revoked_at is None


def test_every_endpoint_of_people_is_in_this_list() -> None:
    assert len(PERSONAL) >= 9
    assert {"get /api/auth/userinfo/", "delete /api/account/me/"} <= PERSONAL.keys()


class LimitedView(APIView):
    """A view with the throttles and permissions that Django REST framework ships."""

    throttle_classes = [UserRateThrottle, ScopedRateThrottle]
    throttle_scope = "limited"
    permission_classes = [IsAuthenticated]

    def get(self, request: Request) -> Response:
        return Response({"caller": str(request.user)})


class GroupsView(APIView):
    permission_classes = [DjangoModelPermissions]
    queryset = Group.objects.all()

    def get(self, request: Request) -> Response:
        return Response({})

    post = get


def plain(request: HttpRequest) -> HttpResponse:
    token: Any = vars(request)["auth"]
    return JsonResponse({"caller": str(request.user), "scope": token["scope"]})


@login_not_required
def open_to_all(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"anonymous": request.user.is_anonymous})


urlpatterns = [
    path("api/limited/", LimitedView.as_view()),
    path("api/groups/", GroupsView.as_view()),
    path("api/plain/", plain),
    path("api/open/", open_to_all),
    *site_urls.urlpatterns,
]


@pytest.mark.trap(68)
@pytest.mark.urls(__name__)
def test_throttles_of_the_framework_count_each_service(
    service: Service, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    for throttle, rates in (
        (UserRateThrottle, {"user": "2/min"}),
        (ScopedRateThrottle, {"limited": "100/min"}),
    ):
        monkeypatch.setattr(throttle, "THROTTLE_RATES", rates)
    payments = create_service("payments")
    statuses = {
        one.client_id: [
            Client()
            .get("/api/limited/", headers={"Authorization": f"Bearer {token_of(one)}"})
            .status_code
            for _ in range(3)
        ]
        for one in (service, payments)
    }
    assert [*statuses.values()] == [[200, 200, 429]] * 2


@pytest.mark.trap(68)
@pytest.mark.urls(__name__)
def test_a_service_has_no_permissions_of_django(service: Service) -> None:
    headers = {"Authorization": f"Bearer {token_of(service)}"}
    for answer in (
        Client().get("/api/groups/", headers=headers),
        Client().post("/api/groups/", headers=headers),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")


@pytest.mark.trap(68)
@pytest.mark.urls(__name__)
def test_a_plain_view_knows_the_service_without_a_query(
    service: Service, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    headers = {"Authorization": f"Bearer {token_of(service, 'orders:read')}"}
    assert Client().get("/api/open/", headers=headers).json() == {"anonymous": False}
    with django_assert_num_queries(0):
        answer = Client().get("/api/plain/", headers=headers)
    assert answer.json() == {"caller": service.client_id, "scope": "orders:read"}
    assert Client().get("/api/plain/").status_code == 401


def test_the_user_of_a_service_behaves_like_a_user_without_rights(service: Service) -> None:
    user: Any = request_with(token_of(service)).user
    assert (user.pk, user.id, user.get_username()) == (service.client_id,) * 3
    assert user == ServiceUser(service.client_id) != ServiceUser("another")
    assert user != service.client_id
    assert {user: 1}[ServiceUser(service.client_id)] == 1
    assert [user.is_staff, user.is_superuser, user.is_anonymous] == [False] * 3
    assert [user.has_perm("a"), user.has_perms(["a"]), user.has_module_perms("a")] == [False] * 3
    assert user.roles == frozenset()
    assert user.is_active


def test_the_token_of_a_service_names_no_user(service: Service) -> None:
    assert AccessToken(token_of(service)).user_id is None
