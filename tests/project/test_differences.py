"""The differences to plain Django REST framework in docs/protecting.md are correct.

The tests execute the code of that section, and serve its views.
"""

import re
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import path
from rest_framework.response import Response
from rest_framework.test import APIClient
from rest_framework.views import APIView

from accounts.models import User
from project import urls
from tests.conftest import API, Answer
from tests.support.browsing import App
from tests.support.people import signed_in
from tests.support.site import ROOT

SECTION = "## How this site differs from plain Django REST framework\n"


def code_of_the_section() -> dict[str, Any]:
    """Return the names that the code of the section defines."""
    text = (ROOT / "docs/protecting.md").read_text().partition(SECTION)[2].partition("\n## ")[0]
    names: dict[str, Any] = {"__name__": "shop.views"}
    for code in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(compile(code, "docs/protecting.md", "exec"), names)  # noqa: S102  (our own document)
    return names


class PlainView(APIView):
    """A view that changes no defaults."""

    def get(self, request: Any) -> Response:
        return Response({"plain": True})

    def post(self, request: Any) -> Response:
        return Response(request.data)


class OptionsView(PlainView):
    """A view that answers OPTIONS itself."""

    def options(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        return Response({})


SHOP = code_of_the_section()
urlpatterns = [
    path("api/plain/", PlainView.as_view()),
    path("api/options/", OptionsView.as_view()),
    path("api/prices/", SHOP["PricesView"].as_view()),
    path("api/audit/", SHOP["AuditView"].as_view()),
    path("api/upload/", SHOP["UploadView"].as_view()),
    path("files/", SHOP["UploadView"].as_view()),
    path("api/menu/", SHOP["MenuView"].as_view()),
    path("basket/", SHOP["BasketView"].as_view()),
    path("api/groups/", SHOP["GroupViewSet"].as_view({"get": "list"})),
    *urls.urlpatterns,
]

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]


@pytest.fixture
def bearer(api: API, alice: User) -> dict[str, str]:
    """Return the headers of alice's phone."""
    return {"Authorization": f"Bearer {api.login(alice)['access']}"}


def upload(path: str, size: int, headers: dict[str, str], client: Client | None = None) -> Answer:
    file = SimpleUploadedFile("order.txt", b"x" * size)
    client = client or Client(enforce_csrf_checks=True)
    return client.post(path, {"file": file}, headers=headers)


def test_a_view_needs_a_user_and_uses_json(client: Client, bearer: dict[str, str]) -> None:
    assert client.get("/api/plain/").status_code == 401
    for headers in ({"Accept": "text/html"}, {"Accept": "nonsense/x"}):
        shown = client.get("/api/plain/?format=api", headers={**bearer, **headers})
        assert (shown.status_code, shown.json()) == (200, {"plain": True})
        assert shown["Cache-Control"] == "no-store"
    options = client.options("/api/plain/", headers=bearer)
    assert (options.status_code, options["Allow"]) == (405, "GET, POST, HEAD")
    form = client.post("/api/plain/", {"a": "b"}, headers=bearer)
    assert (form.status_code, form.json()["code"]) == (415, "unsupported_media_type")
    packed = {**bearer, "Content-Encoding": "gzip"}
    sent = client.post("/api/plain/", {"a": "b"}, content_type="application/json", headers=packed)
    assert sent.status_code == 415
    for size, status in ((60_000, 200), (70_000, 413)):
        body = {"a": "b" * size}
        sent = client.post("/api/plain/", body, content_type="application/json", headers=bearer)
        assert sent.status_code == status


def test_the_frameworks_test_client_needs_the_json_format(bearer: dict[str, str]) -> None:
    client = APIClient(HTTP_AUTHORIZATION=bearer["Authorization"])
    assert client.post("/api/plain/", {"a": "b"}).status_code == 415
    assert client.post("/api/plain/", {"a": "b"}, format="json").json() == {"a": "b"}


def test_a_view_without_authentication_is_public(client: Client) -> None:
    for headers in ({}, {"Authorization": "Bearer garbage"}):
        answer = client.get("/api/prices/", headers=headers)
        assert (answer.status_code, answer.json()) == (200, {"tea": 3})
        assert answer["Cache-Control"] == "public, max-age=60"


@pytest.mark.parametrize(
    ("roles", "superuser", "status"),
    [([], False, 403), (["auditors"], False, 200), (["others"], False, 403), ([], True, 200)],
    ids=["nothing", "the role", "another role", "a superuser"],
)
def test_a_superuser_needs_a_permission_and_the_role(
    api: API, alice: User, *, roles: list[str], superuser: bool, status: int
) -> None:
    User.objects.filter(pk=alice.pk).update(is_superuser=superuser)
    alice.groups.set([Group.objects.create(name=name) for name in roles])
    headers = {"Authorization": f"Bearer {api.login(alice)['access']}"}
    assert api.client.get("/api/audit/", headers=headers).status_code == status
    assert Client().get("/api/audit/").status_code == 401
    assert api.client.get("/api/example/editors/", headers=headers).status_code == 403


def test_a_file_is_accepted_outside_the_api(bearer: dict[str, str]) -> None:
    assert upload("/files/", 1_000_000, bearer).json() == {"bytes": 1_000_000}
    assert upload("/files/", 3_000_000, bearer).status_code == 413
    assert upload("/api/upload/", 1_000, bearer).status_code == 201
    assert upload("/api/upload/", 70_000, bearer).status_code == 413
    assert upload("/files/", 1_000, {}).status_code == 401


def test_an_upload_by_cookie_needs_the_csrf_token_of_the_api(alice: User) -> None:
    app = App()
    app.login(alice)
    assert upload("/files/", 1_000, {}, app.client).json()["code"] == "csrf_failed"
    token = {"X-CSRFToken": app.csrf}
    assert upload("/files/", 1_000, token, app.client).json() == {"bytes": 1_000}


def test_a_view_can_have_the_browsable_api(client: Client, bearer: dict[str, str]) -> None:
    assert client.options("/api/menu/", headers=bearer).json()["name"] == "Menu"
    assert "OPTIONS" in client.post("/api/menu/", headers=bearer)["Allow"]
    assert "OPTIONS" in client.put("/api/options/", headers=bearer)["Allow"]
    assert client.get("/api/menu/", headers=bearer).json() == {"tea": 3}
    page = client.get("/api/menu/", headers={**bearer, "Accept": "text/html"})
    assert (page.status_code, page["Content-Type"]) == (200, "text/html; charset=utf-8")


def test_a_view_outside_the_api_can_use_browser_sessions(
    alice: User, bearer: dict[str, str]
) -> None:
    person = signed_in(alice)
    assert person.client.get("/basket/").json() == {"user": str(alice.pk)}
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = person.client.cookies
    token = {"X-CSRFToken": strict.cookies["csrftoken"].value}
    for headers, status in (({}, 403), (token, 204), (bearer, 204)):
        sent = strict.post("/basket/", content_type="application/json", headers=headers)
        assert sent.status_code == status
    assert Client().get("/basket/").status_code == 401


def test_a_list_is_paginated_if_the_view_configures_it(
    client: Client, bearer: dict[str, str]
) -> None:
    Group.objects.bulk_create(Group(name=f"group {number}") for number in range(60))
    first = client.get("/api/groups/", headers=bearer).json()
    assert (first["count"], len(first["results"])) == (60, 50)
    assert len(client.get(first["next"], headers=bearer).json()["results"]) == 10
