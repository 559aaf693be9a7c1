"""Django's own views under /api/: `request.user` is the token's user, and they are protected."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import Group, Permission
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, Client
from pytest_django import DjangoAssertNumQueries, Settings
from rest_framework.test import APIClient

from accounts.models import User
from tests.conftest import API, Answer
from tests.project.conftest import Outage
from tests.support.browsing import App
from tokens.models import DeviceSession, Reason
from tokens.revocation import snapshot

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.urls("tests.support.plain"),
]

PUBLIC = ["/api/plain/public/", "/api/plain/public/exempt/", "/api/plain/later/public/"]
PERMITTED = ["permission/", "permission-or-403/", "permission-mixin/", "test/"]
OPEN = ["function/", "class/", "login-required/", "mixin/", "exempt/", "protect/", "row/", "form/"]
PROTECTED = [
    *(f"/api/plain/{name}" for name in (*OPEN, *PERMITTED, "later/", "later/login-required/")),
    *("/api/regex/", "/api/rest/", "/api/plain/redirect/"),
]
#: Each kind of refused token, with the code in the response.
REFUSED = {
    "none": ("", "not_authenticated"),
    "another scheme": ("Basic YWxpY2U6eA==", "not_authenticated"),
    "garbage": ("Bearer garbage", "token_not_valid"),
    "of a revoked session": ("Bearer {ended}", "token_not_valid"),
    "a refresh token": ("Bearer {refresh}", "token_not_valid"),
    "of old roles": ("Bearer {demoted}", "rights_changed"),
}


@pytest.fixture
def tokens(api: API, alice: User, bob: User) -> dict[str, str]:
    """Return a valid access token of alice, and some that are refused."""
    demoted, good, ended = api.login(bob), api.login(alice), api.login(alice)
    DeviceSession.objects.filter(sid=ended["session"]).revoke(Reason.ADMIN)
    bob.groups.add(Group.objects.create(name="editors"))
    pairs = {"access": good, "ended": ended, "demoted": demoted}
    return {name: pair["access"] for name, pair in pairs.items()} | {"refresh": good["refresh"]}


def get(path: str, header: str = "", client: Client | None = None) -> Answer:
    return (client or Client()).get(path, headers={"Authorization": header} if header else {})


@pytest.mark.parametrize("path", PROTECTED)
@pytest.mark.parametrize(("header", "code"), REFUSED.values(), ids=REFUSED)
def test_an_anonymous_call_of_a_protected_view_is_401(
    tokens: dict[str, str], path: str, header: str, code: str
) -> None:
    answer = get(path, header.format(**tokens))
    assert (answer.status_code, answer.json()["code"]) == (401, code)
    expected = "Bearer" if code == "not_authenticated" else 'Bearer error="invalid_token"'
    assert answer["WWW-Authenticate"] == expected
    assert answer["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", PUBLIC)
@pytest.mark.parametrize(("header", "code"), REFUSED.values(), ids=REFUSED)
def test_a_refused_token_is_anonymous_at_a_public_view(
    tokens: dict[str, str], path: str, header: str, code: str
) -> None:
    answer = get(path, header.format(**tokens))
    assert (answer.status_code, answer.json()["user"]) == (200, "None")


@pytest.mark.parametrize("path", ["public/roles/", "public/rest-roles/"])
def test_a_public_view_can_always_read_roles_and_auth(
    tokens: dict[str, str], alice: User, api: API, path: str
) -> None:
    answer = get(f"/api/plain/{path}")
    assert (answer.status_code, answer.json()) == (200, {"auths": [None, None], "roles": []})
    alice.groups.add(Group.objects.create(name="authors"))
    answer = get(f"/api/plain/{path}", f"Bearer {api.login(alice)['access']}")
    assert answer.json() == {"auths": [None, "access"], "roles": ["authors"]}


@pytest.mark.parametrize("path", ["function/", "class/", "login-required/", "mixin/", "public/"])
@pytest.mark.parametrize("by_cookie", [False, True], ids=["header", "cookie"])
def test_a_plain_view_knows_the_user_and_roles_without_a_query(
    alice: User, path: str, django_assert_num_queries: DjangoAssertNumQueries, *, by_cookie: bool
) -> None:
    alice.groups.add(Group.objects.create(name="editors"))
    app = App()
    app.login(alice)
    header = "" if by_cookie else f"Bearer {app.cookie('access')}"
    client = app.client if by_cookie else Client()
    get(f"/api/plain/{path}", header, client)
    with django_assert_num_queries(0):
        answer = get(f"/api/plain/{path}", header, client)
    assert answer.json() == {"user": str(alice.pk), "roles": ["editors"]}


def test_reading_the_users_row_costs_one_query(
    api: API, alice: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    header = f"Bearer {api.login(alice)['access']}"
    get("/api/plain/row/", header)
    with django_assert_num_queries(1):
        assert get("/api/plain/row/", header).json() == {"user": "alice"}


@pytest.mark.parametrize("path", ["/api/plain/row/", "/api/plain/later/", "/api/plain/test/"])
@pytest.mark.parametrize("change", [{"is_active": False}, None], ids=["inactive", "deleted"])
def test_a_deleted_user_is_401_when_the_row_is_needed(
    api: API, alice: User, path: str, change: dict[str, Any] | None
) -> None:
    """The snapshot may be a second old; the row is current."""
    header = f"Bearer {api.login(alice)['access']}"
    get(path, header)
    if change:
        User._base_manager.filter(pk=alice.pk).update(**change)
    else:
        alice.delete()
    answer = get(path, header)
    assert (answer.status_code, answer.json()["code"]) == (401, "token_not_valid")


class GreetingMiddleware:
    """A middleware of a developer, which reads the row of the user."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        hello = f"Hello {request.user.get_username()}"
        response = self.get_response(request)
        response["Greeting"] = hello
        return response


@pytest.mark.parametrize("path", ["/api/plain/function/", "/api/rest/", "/api/auth/sessions/"])
def test_a_middleware_that_needs_the_row_of_an_inactive_user_is_401(
    api: API, alice: User, settings: Settings, path: str
) -> None:
    """Another process has just deactivated the user, so the snapshot of this one is older."""
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{__name__}.GreetingMiddleware"]
    header = f"Bearer {api.login(alice)['access']}"
    assert get(path, header)["Greeting"] == "Hello alice"
    User._base_manager.filter(pk=alice.pk).update(is_active=False)
    answer = get(path, header)
    assert (answer.status_code, answer.json()["code"]) == (401, "token_not_valid")
    assert answer["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    assert answer["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", PERMITTED)
def test_a_missing_permission_is_403_and_not_a_redirect(api: API, alice: User, path: str) -> None:
    header = f"Bearer {api.login(alice)['access']}"
    refused = get(f"/api/plain/{path}", header)
    assert (refused.status_code, refused.json()["code"]) == (403, "permission_denied")
    alice.user_permissions.add(Permission.objects.get(codename="view_user"))
    User.objects.filter(pk=alice.pk).update(is_staff=True)
    header = f"Bearer {api.login(alice)['access']}"
    assert get(f"/api/plain/{path}", header).json()["user"] == str(alice.pk)


def test_other_redirects_are_not_changed(api: API, alice: User) -> None:
    answer = get("/api/plain/redirect/", f"Bearer {api.login(alice)['access']}")
    assert (answer.status_code, answer["Location"]) == (302, "/elsewhere/")


@pytest.mark.parametrize(
    "name", ["class/", "mixin/", "exempt/", "protect/", "public/", "public/exempt/"]
)
def test_a_write_with_a_header_needs_no_csrf_token(api: API, alice: User, name: str) -> None:
    headers = {"Authorization": f"Bearer {api.login(alice)['access']}"}
    strict = Client(enforce_csrf_checks=True)
    answer = strict.post(f"/api/plain/{name}", headers=headers)
    assert (answer.status_code, answer.json()["user"]) == (200, str(alice.pk))


@pytest.mark.trap(30)
@pytest.mark.spec("ASVS 5.0", "3.5.1")
@pytest.mark.parametrize("name", ["class/", "mixin/", "exempt/", "protect/"])
@pytest.mark.parametrize(
    "forged",
    [{"csrf": ""}, {"csrf": "x" * 64}, {"Origin": "https://evil.example"}, {"Origin": "null"}],
    ids=["no token", "wrong", "another site", "a sandbox"],
)
def test_a_write_by_cookie_needs_the_csrf_token_of_the_api(
    alice: User, name: str, forged: dict[str, str]
) -> None:
    """Even with csrf_exempt, the cookie does not authenticate a write of another site."""
    app = App()
    app.login(alice)
    assert app.post(f"plain/{name}").json()["user"] == str(alice.pk)
    refused = app.post(f"plain/{name}", **forged)
    assert (refused.status_code, refused.json()["code"]) == (403, "csrf_failed")


def test_without_csrf_token_a_public_cookie_write_is_anonymous(alice: User) -> None:
    app = App()
    app.login(alice)
    assert app.post("plain/public/exempt/").json()["user"] == str(alice.pk)
    assert app.post("plain/public/exempt/", csrf="").json()["user"] == "None"
    assert app.post("plain/public/", csrf="").json()["code"] == "csrf_failed"
    assert app.post("plain/public/").json()["user"] == str(alice.pk)


def test_a_form_under_the_api_contains_the_api_csrf_token(alice: User) -> None:
    """The secret of the page does not change."""
    app = App()
    app.login(alice)
    app.client.force_login(alice)
    app.client.get("/accounts/")
    del app.client.cookies["api-csrftoken"]
    page = app.client.cookies["csrftoken"].value
    found = re.search(r'value="(\w+)"', app.get("plain/form/").text)
    assert found
    fields = {"csrfmiddlewaretoken": found[1]}
    assert app.client.post("/api/plain/class/", fields).status_code == 200
    assert app.client.post("/accounts/", fields).status_code == 403
    assert app.client.cookies["csrftoken"].value == page


def test_a_browser_session_is_anonymous_under_the_api(alice: User) -> None:
    client = Client()
    client.force_login(alice)
    assert get("/page/", client=client).json()["user"] == str(alice.pk)
    for path in ("/api/plain/function/", "/api/rest/"):
        assert get(path, client=client).status_code == 401
    assert client.post("/api/session/").json()["code"] == "not_authenticated"


def test_an_access_token_is_anonymous_at_a_page(api: API, alice: User) -> None:
    answer = get("/page/", f"Bearer {api.login(alice)['access']}")
    assert answer.json()["user"] == "None"


@pytest.mark.parametrize("name", ["later/", "later/login-required/", "later/public/"])
def test_an_asynchronous_view_has_the_users_row(api: API, alice: User, name: str) -> None:
    """The view works under WSGI and ASGI."""
    path, header = f"/api/plain/{name}", f"Bearer {api.login(alice)['access']}"
    expected = {"user": str(alice.pk), "name": "alice"}
    assert get(path, header).json() == expected
    later = async_to_sync(AsyncClient().get)
    assert later(path, headers={"Authorization": header}).json() == expected
    assert later(path).status_code == (200 if "public" in name else 401)


def test_the_documented_asynchronous_view_works(api: API, alice: User) -> None:
    alice.groups.add(Group.objects.create(name="editors"))
    answer = get("/api/plain/later/greeting/", f"Bearer {api.login(alice)['access']}")
    assert answer.json() == {"name": "alice", "roles": ["editors"]}
    assert get("/api/plain/later/greeting/").status_code == 401


def test_without_the_database_a_protected_view_is_503(
    api: API, alice: User, outage: Outage
) -> None:
    header = f"Bearer {api.login(alice)['access']}"
    snapshot.revocations.invalidate()
    with outage():
        answer = get("/api/plain/function/", header)
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert answer["Retry-After"]


def test_a_bug_in_authentication_is_not_an_outage(
    api: API, alice: User, settings: Settings, client: Client
) -> None:
    settings.REST_FRAMEWORK = {
        **settings.REST_FRAMEWORK,
        "DEFAULT_AUTHENTICATION_CLASSES": ["tests.support.plain.Broken"],
    }
    with pytest.raises(ZeroDivisionError):
        client.get("/api/plain/function/")


def test_session_authentication_as_the_default_is_anonymous(settings: Settings) -> None:
    """It reads `request.user` while that is being loaded."""
    settings.REST_FRAMEWORK = {
        **settings.REST_FRAMEWORK,
        "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    }
    assert get("/api/plain/function/").status_code == 401


def test_force_authenticate_works_with_plain_views(alice: User) -> None:
    client = APIClient()
    client.force_authenticate(alice)
    assert client.get("/api/plain/function/").json()["user"] == str(alice.pk)
