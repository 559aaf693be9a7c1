"""A URL reads, filters and searches a list of the admin only as the list offers it."""

from itertools import product
from typing import Any
from uuid import UUID

import pytest
from django.apps import apps
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from tests.support.admin_lists import ADMINS, create_rows, path
from tests.support.staff import create_superuser
from tokens.admin.lists import MAX_VALUES

pytestmark = pytest.mark.django_db

SEARCHABLE = [label for label, model_admin in ADMINS.items() if model_admin.search_fields]
LOOKUPS = {
    "": "\0",
    "__exact": "9" * 20,
    "__gte": str(UUID(int=0)),
    "__in": "a,",
    "__isnull": "1",
    "__pk__exact": "1",
    "__range": "a",
    "__regex": "(a+)+$(",
}


@pytest.fixture
def carol(alice: User) -> Client:
    """The browser of a superuser. Each list has a row."""
    create_rows(alice)
    client = create_superuser("carol")[1]
    client.raise_request_exception = False
    return client


def names_of(label: str) -> list[str]:
    """Return the names of the columns and of the relations from and to this model."""
    return [field.name for field in ADMINS[label].opts.get_fields(include_hidden=True)]


@pytest.mark.spec("ASVS 5.0", "8.2.3")
@pytest.mark.parametrize("label", ADMINS)
def test_a_list_has_no_filters_but_its_own(carol: Client, label: str) -> None:
    offered, failed = ADMINS[label].lookups, []  # type: ignore[attr-defined]
    for name, (lookup, value) in product(names_of(label), LOOKUPS.items()):
        status = carol.get(path(label, "list"), {name + lookup: value}).status_code
        if status not in ((200, 302, 400) if name + lookup in offered else (400,)):
            failed.append((name + lookup, status))
    assert failed == []


@pytest.mark.parametrize("label", ADMINS)
def test_a_filter_has_a_limited_number_of_values(carol: Client, label: str) -> None:
    """SQLite cannot run a query with hundreds of conditions."""
    for lookup in ADMINS[label].lookups:  # type: ignore[attr-defined]
        for count, statuses in {MAX_VALUES: (200, 302), 999: (400,)}.items():
            query = {lookup: ["1"] * count}
            status = carol.get(path(label, "list"), query).status_code
            assert status in statuses, (lookup, count)


@pytest.mark.parametrize("label", ADMINS)
def test_a_popup_refers_to_rows_by_their_primary_key(carol: Client, label: str) -> None:
    key = ADMINS[label].opts.pk.name
    statuses = {
        name: carol.get(path(label, "list"), {"_popup": "1", "_to_field": name}).status_code
        for name in [*names_of(label), "unknown", "\0"]
    }
    assert statuses == {name: 200 if name == key else 400 for name in statuses}


@pytest.mark.parametrize("label", SEARCHABLE)
def test_a_search_has_a_limited_number_of_words(carol: Client, label: str) -> None:
    limit = ADMINS[label].max_words  # type: ignore[attr-defined]
    refusal = f"A search has at most {limit} words. Search for fewer words."
    for count, messages in {limit: [], limit + 1: [refusal], 30_000: [refusal]}.items():
        with CaptureQueriesContext(connection) as captured:
            answer = carol.get(path(label, "list"), {"q": "a " * count})
        assert answer.status_code == 200
        assert [str(message) for message in get_messages(answer.wsgi_request)] == messages
        assert any(" LIKE " in query["sql"] for query in captured) is (messages == [])
        assert not (messages and answer.context["cl"].result_list)


@pytest.mark.parametrize("term", ["a", "\0", "a " * 3000], ids=["a", "NUL", "many words"])
def test_each_field_has_an_answer_about_its_choices(carol: Client, term: str) -> None:
    """Django's autocompletion answers for every model, also for those without an admin class."""
    failed: list[Any] = []
    for model in apps.get_models():
        names = {"app_label": model._meta.app_label, "model_name": str(model._meta.model_name)}
        for field in model._meta.get_fields(include_hidden=True):
            query = {**names, "field_name": field.name, "term": term}
            status = carol.get("/admin/autocomplete/", query).status_code
            if status not in (200, 403, 404):
                failed.append((*names.values(), field.name, status))
    assert failed == []
