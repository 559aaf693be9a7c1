"""Rules that hold for every shipped URL."""

from collections import Counter

import pytest
from django.test import Client

from accounts.models import User
from tests.conftest import API
from tests.support import shipped

NO_JSON = ("/api/schema/", "/api/docs/")
#: The methods of each URL of the API. The OpenAPI document does not list itself.
LISTED = {
    **{path: {"GET"} for path in NO_JSON},
    **{
        path: {method.upper() for method in methods}
        for path, methods in shipped.described().items()
    },
}
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"]


def test_every_url_has_a_unique_name() -> None:
    names = Counter(pattern.name for pattern in shipped.ADDRESSES.values() if pattern.name)
    assert [name for name, count in names.items() if count > 1] == []


def test_every_api_view_lists_its_methods() -> None:
    assert set(LISTED) == shipped.API


@pytest.mark.django_db
@pytest.mark.parametrize("known", [False, True], ids=["a stranger", "signed in"])
@pytest.mark.parametrize("path", LISTED)
def test_an_unlisted_method_is_405_for_every_caller(
    api: API, alice: User, path: str, *, known: bool
) -> None:
    pair = api.login(alice)
    headers = {"Authorization": f"Bearer {pair['access']}"} if known else {}
    listed = LISTED[path] | ({"HEAD"} if "GET" in LISTED[path] else set())
    strict = Client(enforce_csrf_checks=True)
    for method in METHODS:
        if method in listed:
            continue
        answer = strict.generic(method, path.replace("{sid}", pair["session"]), headers=headers)
        assert answer.status_code == 405, method
        assert {*answer["Allow"].split(", ")} == listed
        if path not in NO_JSON and method != "HEAD":
            assert answer.json()["code"] == "method_not_allowed"
