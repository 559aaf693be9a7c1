"""Every page, list and action of the admin answers, to a superuser and to every staff user.

The admin classes are those of the apps that the site ships. Those of a developer are not tested.
"""

from collections.abc import Iterator
from itertools import product
from typing import Any, Self
from urllib.parse import urlencode
from uuid import UUID

import pytest
from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth.models import Permission
from django.db.models import Model
from django.test import Client, RequestFactory

from accounts.models import User
from tests.conftest import HASHED
from tests.support.admin_lists import ADMINS, create_rows, path

pytestmark = pytest.mark.django_db

STRANGE = ("", "x", "\0", "²", "9" * 30)
PAGES = ("list", "add", "change", "history", "delete")
#: Only the site writes rows of these models, so superusers cannot use these pages either.
CLOSED = {
    "tokens.devicesession": {"add", "delete"},
    "tokens.blacklistedtoken": {"delete"},
    "tokens.event": {"add", "delete"},
    "tokens.signingkey": {"add", "delete"},
}
#: The permissions of each page. One of them is enough.
OPENS = {
    "list": {"view", "change"},
    "add": {"add"},
    "change": {"view", "change"},
    "history": {"view", "change"},
    "delete": {"delete"},
    "password": {"change"},
}


class Staff:
    """A staff user whose permissions are set before each request."""

    def __init__(self) -> None:
        self.user = User.objects.create(username="dave", password=HASHED, is_staff=True)
        self.client = Client(raise_request_exception=False)
        self.client.force_login(self.user)

    def may(self, *permissions: Permission, everything: bool = False) -> Self:
        self.user.user_permissions.set(permissions)
        User.objects.filter(pk=self.user.pk).update(is_superuser=everything)
        return self

    def statuses(self, label: str, rows: dict[str, Model]) -> dict[str, int]:
        """Return the status of each page about this model."""
        return {page: self.get(path(label, page, rows[label].pk)) for page in pages_of(label)}

    def get(self, address: str) -> int:
        return int(self.client.get(address).status_code)

    def act(self, label: str, **fields: str) -> int:
        return int(self.client.post(path(label, "list"), fields).status_code)


@pytest.fixture
def dave(db: None) -> Staff:
    return Staff()


@pytest.fixture
def rows(alice: User) -> dict[str, Model]:
    return create_rows(alice)


def pages_of(label: str) -> tuple[str, ...]:
    return (*PAGES, "password") if label == "accounts.user" else PAGES


def permissions_of(label: str) -> dict[str, Permission]:
    """Return the permissions of this model by what they allow."""
    app, model = label.split(".")
    of_model = Permission.objects.filter(content_type__app_label=app, content_type__model=model)
    return {permission.codename.partition("_")[0]: permission for permission in of_model}


def queries(changes: ChangeList, model_admin: admin.ModelAdmin[Any]) -> Iterator[tuple[str, bool]]:
    """Yield queries of a list, each with whether the page links to it."""
    columns = range(1, len(changes.list_display) + 1)
    yield from ((f"?q={text}", True) for text in ("a", "alice+x", "x" * 10_000))
    yield from ((f"?o={column}", True) for column in (*columns, "-1", "1.-2"))
    yield "?p=1", True
    names = {*getattr(model_admin, "lookups", ()), "q", "o", "p"}
    for spec in changes.filter_specs:
        names |= {name for name in spec.expected_parameters() if name is not None}
        yield from ((choice["query_string"], True) for choice in spec.choices(changes))
    yield from ((f"?{urlencode({name: text})}", False) for name, text in product(names, STRANGE))


@pytest.mark.parametrize("label", ADMINS)
def test_a_list_answers_every_query(dave: Staff, rows: dict[str, Model], label: str) -> None:
    client = dave.may(everything=True).client
    changes = client.get(path(label, "list")).context["cl"]
    failed = []
    for query, is_ordinary in queries(changes, ADMINS[label]):
        status = dave.get(path(label, "list") + query)
        if status not in ((200,) if is_ordinary else (200, 302, 400)):
            failed.append((query[:60], status))
    assert failed == []


@pytest.mark.spec("ASVS 5.0", "8.2.1")
@pytest.mark.parametrize("label", ADMINS)
def test_a_page_opens_for_those_who_have_its_permission(
    dave: Staff, rows: dict[str, Model], label: str
) -> None:
    closed = CLOSED.get(label, set())
    opened = {page: 403 if page in closed else 200 for page in pages_of(label)}
    assert dave.may(everything=True).statuses(label, rows) == opened
    for does, permission in permissions_of(label).items():
        opens = {page for page in opened if does in OPENS[page]}
        if label == "accounts.user":
            opens -= {"add"}  # which needs "change" as well
        expected = {page: opened[page] if page in opens else 403 for page in opened}
        assert dave.may(permission).statuses(label, rows) == expected, permission
        query = dave.get(path(label, "list") + "?q=a&o=1&p=1")
        assert query == expected["list"], permission


@pytest.mark.spec("ASVS 5.0", "8.2.1")
@pytest.mark.parametrize("label", [*ADMINS, None])
def test_permissions_for_one_model_open_no_other_page(
    dave: Staff, rows: dict[str, Model], label: str | None
) -> None:
    """If all permissions together give no access, fewer permissions do not either."""
    without_admin = Permission.objects.exclude(
        pk__in=[held.pk for other in ADMINS for held in permissions_of(other).values()]
    )
    dave.may(*(permissions_of(label).values() if label else without_admin))
    others = [other for other in ADMINS if other != label]
    for other in others:
        assert {*dave.statuses(other, rows).values()} == {403}, other
        assert dave.get(path(other, "list") + "?q=a") == 403
    dave.may()
    assert {status for other in others for status in dave.statuses(other, rows).values()} == {403}
    assert dave.get("/admin/") == 200


SELECTIONS: tuple[dict[str, str], ...] = (
    {},
    {"index": "0"},
    {"index": "x", "_selected_action": str(UUID(int=0))},
    *({"_selected_action": text} for text in STRANGE),
)


def stored(rows: dict[str, Model]) -> list[Any]:
    return [type(row)._base_manager.filter(pk=row.pk).values().get() for row in rows.values()]


@pytest.mark.parametrize("label", ADMINS)
def test_an_action_on_nothing_changes_nothing(
    dave: Staff, rows: dict[str, Model], label: str
) -> None:
    before = stored(rows)
    request = RequestFactory().get("/")
    dave.may(everything=True)
    request.user = User.objects.get(pk=dave.user.pk)
    actions = [*ADMINS[label].get_actions(request), "unknown"]
    for action, selection in product(actions, SELECTIONS):
        status = dave.act(label, action=action, **selection)
        assert status in (200, 302, 400), (action, selection)
    for does, permission in permissions_of(label).items():
        dave.may(permission)
        allowed = (200, 302) if does in OPENS["list"] else (403,)
        for action in actions:
            assert dave.act(label, action=action, index="0") in allowed, (permission, action)
    dave.may()
    assert {dave.act(label, action=action) for action in actions} == {403}
    assert stored(rows) == before


@pytest.mark.parametrize("label", ADMINS)
def test_the_page_of_a_missing_row_is_not_an_error(dave: Staff, label: str) -> None:
    pages = [page for page in pages_of(label) if page not in ("list", "add")]
    closed = CLOSED.get(label, set())
    for pk, page in product(("x", "_00", "9" * 30, str(UUID(int=0))), pages):
        expected = 403 if page in closed else {"password": 404}.get(page, 302)
        assert dave.may(everything=True).get(path(label, page, pk)) == expected, (page, pk)
        expected = 302 if page == "history" else 403
        assert dave.may().get(path(label, page, pk)) == expected, (page, pk)


def test_the_other_urls_of_the_admin_answer(dave: Staff) -> None:
    dave.may(everything=True)
    for address, status in {
        "": 200,
        "auth/": 200,
        "tokens/": 200,
        "unknown/": 404,
        "jsi18n/": 200,
        "autocomplete/": 403,
        "r/4/1/": 404,
        "r/x/x/": 404,
        f"r/{'9' * 30}/1/": 404,
        "tokens/signingkey/rotate/": 405,
    }.items():
        assert dave.get(f"/admin/{address}") == status, address
