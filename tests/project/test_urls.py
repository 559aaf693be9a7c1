"""What holds for every address of the site, those that are added one day too."""

import json
import re
from collections import Counter
from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.models import User
from project.docs import document
from tests.conftest import API


def addresses(resolver: URLResolver, before: str = "") -> Iterator[tuple[str, URLPattern]]:
    """Yield every route with its pattern, but for those that have a namespace of their own."""
    for pattern in resolver.url_patterns:
        route = f"{before}{pattern.pattern}"
        if isinstance(pattern, URLPattern):
            yield route, pattern
        elif pattern.namespace is None:
            yield from addresses(pattern, route)


ADDRESSES = dict(addresses(get_resolver()))
NO_JSON = ("/api/schema/", "/api/docs/")
#: The methods of each address of the API, by the OpenAPI document, which leaves out itself.
LISTED = {
    **{path: {"GET"} for path in NO_JSON},
    **{
        path: {method.upper() for method in methods}
        for path, methods in json.loads(document())["paths"].items()
    },
}
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"]


def test_no_two_addresses_have_one_name() -> None:
    names = Counter(pattern.name for pattern in ADDRESSES.values() if pattern.name)
    assert [name for name, count in names.items() if count > 1] == []


def test_every_address_of_the_api_says_which_methods_it_has() -> None:
    routes = {f"/{route}" for route in ADDRESSES if route.startswith("api/")}
    assert {re.sub(r"<\w+:(\w+)>", r"{\1}", route) for route in routes} == set(LISTED)


@pytest.mark.django_db
@pytest.mark.parametrize("known", [False, True], ids=["a stranger", "somebody signed in"])
@pytest.mark.parametrize("path", LISTED)
def test_a_method_that_is_not_listed_is_405_whoever_asks(
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
