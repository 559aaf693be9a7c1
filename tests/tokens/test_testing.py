"""The signed-in clients and requests with which developers test their API."""

import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any, NamedTuple, cast

import pytest
from django.contrib.auth.models import AnonymousUser, Group
from django.db import transaction
from django.urls import path
from pytest_django import DjangoAssertNumQueries
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIClient, APIRequestFactory, force_authenticate
from rest_framework.views import APIView

from accounts.models import User
from project.web.example import CallerView, EditorsView
from tests.support.site import ROOT
from tokens.http.permissions import has_role
from tokens.jwt.claims import AccessToken
from tokens.keys.keyring import keyring
from tokens.models import DeviceSession, SigningKey
from tokens.testing import TokenClient, access_token, client_for, sign_in

pytestmark = pytest.mark.django_db

SignedIn = Callable[..., TokenClient]
CALLER, EDITORS = "/api/example/", "/api/example/editors/"


class RoleCase(NamedTuple):
    """Stored groups, given roles, the roles in the token, and the status of the editors' view."""

    stored: list[str]
    given: list[str] | None
    expected: list[str]
    status: int


ROLES = {
    "none": RoleCase([], None, [], 403),
    "stored": RoleCase(["editors"], None, ["editors"], 200),
    "given": RoleCase([], ["editors", "authors"], ["authors", "editors"], 200),
    "given instead of stored": RoleCase(["editors"], ["authors"], ["authors"], 403),
    "given none": RoleCase(["editors"], [], [], 403),
}
roles = pytest.mark.parametrize("case", ROLES.values(), ids=ROLES)


def join(user: User, names: list[str]) -> None:
    user.groups.set(Group.objects.create(name=name) for name in names)


@roles
def test_a_client_is_signed_in_with_stored_or_given_roles(
    signed_in: SignedIn, alice: User, case: RoleCase
) -> None:
    join(alice, case.stored)
    client = signed_in(alice, roles=case.given)
    assert client.get(CALLER).json() == {"user": str(alice.pk), "roles": case.expected}
    assert client.get(EDITORS).status_code == case.status


@roles
def test_a_request_of_a_factory_is_signed_in(alice: User, case: RoleCase) -> None:
    join(alice, case.stored)
    request = APIRequestFactory().get(CALLER)
    sign_in(request, alice, roles=case.given)
    assert CallerView.as_view()(request).data == {"user": str(alice.pk), "roles": case.expected}
    assert EditorsView.as_view()(request).status_code == case.status


def test_a_client_reaches_views_that_query_the_database(alice: User) -> None:
    client = client_for(alice)
    assert client.get("/api/account/me/").json()["username"] == "alice"
    (session,) = client.get("/api/auth/sessions/").json()
    assert (session["device"], session["current"]) == ("test", True)
    assert client.post("/api/auth/logout/all/", {}, format="json").json() == {"ended": 1}
    assert client.get(CALLER).status_code == 401


def leave_groups(ada: User, client: TokenClient) -> None:
    ada.groups.clear()


def deactivate(ada: User, client: TokenClient) -> None:
    ada.is_active = False
    ada.save()


def change_password(ada: User, client: TokenClient) -> None:
    ada.set_password("nine dry badgers")
    ada.save()


def sign_out_everywhere(ada: User, client: TokenClient) -> None:
    assert client.post("/api/auth/logout/all/").status_code == 200


REVOCATIONS = {
    "groups": (leave_groups, "rights_changed"),
    "deactivation": (deactivate, "token_not_valid"),
    "password": (change_password, "token_not_valid"),
    "logout": (sign_out_everywhere, "token_not_valid"),
}


@pytest.mark.parametrize(("revoke", "code"), REVOCATIONS.values(), ids=REVOCATIONS)
def test_a_client_sees_a_revocation_in_an_open_transaction(
    signed_in: SignedIn, alice: User, revoke: Callable[[User, TokenClient], None], code: str
) -> None:
    join(alice, ["editors"])
    client, other = signed_in(alice), signed_in(alice)
    assert [one.get(EDITORS).status_code for one in (client, other)] == [200, 200]
    revoke(alice, client)
    for answer in (client.get(EDITORS), other.get(EDITORS)):
        assert (answer.status_code, answer.json()["code"]) == (401, code)


def test_a_client_sees_that_a_revocation_is_rolled_back(signed_in: SignedIn, alice: User) -> None:
    client = signed_in(alice)
    with transaction.atomic():
        deactivate(alice, client)
        assert client.get(CALLER).status_code == 401
        transaction.set_rollback(True)
    assert client.get(CALLER).status_code == 200


def test_a_client_reads_no_snapshot_unless_something_changed(
    signed_in: SignedIn, alice: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client = signed_in(alice)
    client.get(CALLER)
    with django_assert_num_queries(0):
        client.get(CALLER)


def test_a_client_can_sign_in_again_and_sign_out(alice: User, bob: User) -> None:
    client = client_for(alice)
    client.sign_in(bob, roles=["editors"])
    assert client.get(EDITORS).json()["user"] == str(bob.pk)
    client.logout()
    assert client.get(CALLER).status_code == 401


def test_force_login_signs_in_to_the_pages_and_the_api(alice: User) -> None:
    join(alice, ["editors"])
    client = TokenClient()
    client.force_login(alice)
    assert client.get(EDITORS).json()["user"] == str(alice.pk)
    assert client.get("/accounts/devices/").status_code == 200


@pytest.mark.parametrize("path", [CALLER, EDITORS])
def test_force_authenticate_gives_what_a_token_gives(alice: User, path: str) -> None:
    join(alice, ["editors"])
    client = TokenClient()
    client.force_authenticate(alice)
    assert client.get(path).json() == {"user": str(alice.pk), "roles": ["editors"]}
    client.force_authenticate()
    assert client.get(path).status_code == 401


@pytest.mark.urls("tests.tokens.test_testing")
@pytest.mark.parametrize("client_class", [APIClient, TokenClient])
@pytest.mark.parametrize(("stored", "status"), [("editors", 200), ("authors", 403)])
@pytest.mark.parametrize(
    "token",
    [lambda user: None, lambda user: AccessToken(), lambda user: object()],
    ids=["no token", "an empty token", "a token of another kind"],
)
def test_has_role_uses_the_groups_of_a_forced_user(
    alice: User,
    *,
    client_class: type[APIClient],
    stored: str,
    status: int,
    token: Callable[[User], Any],
) -> None:
    join(alice, [stored])
    client = client_class()
    client.force_authenticate(alice, token(alice))
    assert client.get("/api/for-editors/").status_code == status
    request = APIRequestFactory().get("/")
    force_authenticate(request, alice, token(alice))
    assert ForEditors.as_view()(request).status_code == status


class ForEditors(APIView):
    permission_classes = [has_role("editors")]

    def get(self, request: Request) -> Response:
        return Response({})


urlpatterns = [path("api/for-editors/", ForEditors.as_view())]


class ByAnotherClass(BaseAuthentication):
    """Authenticates alice without an access token."""

    def authenticate(self, request: Request) -> tuple[User, None]:
        return User.objects.get(username="alice"), None


class ForEditorsByAnotherClass(ForEditors):
    authentication_classes = [ByAnotherClass]


def test_has_role_gives_other_users_no_groups(alice: User) -> None:
    """In production the roles come from the token and not from the database."""
    join(alice, ["editors"])
    request = APIRequestFactory().get(EDITORS)
    assert ForEditorsByAnotherClass.as_view()(request).status_code == 403
    request.user = alice
    assert ForEditors.as_view()(request).status_code == 401
    force_authenticate(request, token=cast("Any", object()))
    assert ForEditors.as_view()(request).status_code in (401, 403)
    force_authenticate(request, AnonymousUser())
    assert ForEditors.as_view()(request).status_code in (401, 403)


@pytest.mark.parametrize("change", [{"is_active": False}, {"password": "!"}], ids=["off", "stale"])
def test_a_user_who_cannot_sign_in_is_reported(alice: User, change: dict[str, Any]) -> None:
    User._base_manager.filter(pk=alice.pk).update(**change)
    with pytest.raises(ValueError, match="alice is inactive or differs"):
        access_token(alice)
    assert not DeviceSession.objects.exists()


def test_a_token_is_signed_with_a_key_of_the_database(alice: User) -> None:
    """A key of an earlier, rolled back test may still be in memory."""
    before = transaction.savepoint()
    client_for(alice)
    transaction.savepoint_rollback(before)
    assert not SigningKey.objects.exists()
    client = client_for(alice)
    keyring.invalidate()
    assert client.get(CALLER).status_code == 200


def test_the_site_does_not_load_test_code() -> None:
    code = (
        "import sys, project.wsgi; from django.urls import get_resolver;"
        " get_resolver().url_patterns;"
        " print([name for name in sys.modules if name.split('.')[0] in ('pytest', '_pytest')"
        " or name.startswith('tokens.testing')])"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert shown.stdout.strip() == "[]"


def test_the_documented_tests_pass(signed_in: SignedIn, django_user_model: type[User]) -> None:
    text = (ROOT / "docs/protecting.md").read_text()
    (code,) = re.findall(r"```python\n(def test_editors.*?)```", text, re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102  (it is the documented code that is tested)
    names["test_editors_see_the_orders"](signed_in, django_user_model)
    User.objects.all().delete()
    names["test_an_inactive_user_is_refused"](signed_in, django_user_model)
