"""Users read their account, and change it without a mailed link."""

from typing import Any

import pytest
from django.contrib.auth.models import Group

from accounts.models import User
from tests.accounts.conftest import Account, post_office
from tests.conftest import API, PASSWORD, row

pytestmark = pytest.mark.django_db


def test_the_account_shows_nothing_secret(api: API, account: Account, alice: User) -> None:
    alice.groups.add(Group.objects.create(name="editors"))
    phone = api.login(alice)
    answer = account.get(bearer=phone["access"])
    assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store")
    assert answer.json() == {
        "id": str(alice.pk),
        "username": "alice",
        "email": "alice@example.org",
        "first_name": "",
        "last_name": "",
        "roles": ["editors"],
        "date_joined": alice.date_joined.isoformat().replace("+00:00", "Z"),
    }


def test_a_user_changes_first_and_last_name(
    api: API, account: Account, alice: User, bob: User
) -> None:
    phone = api.login(alice)
    answer = account.patch({"first_name": "Alice", "last_name": "Ames"}, bearer=phone["access"])
    assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store")
    assert (answer.json()["first_name"], answer.json()["last_name"]) == ("Alice", "Ames")
    alice.refresh_from_db()
    bob.refresh_from_db()
    assert (alice.first_name, alice.last_name, bob.first_name) == ("Alice", "Ames", "")
    assert account.patch({"first_name": ""}, bearer=phone["access"]).json()["last_name"] == "Ames"
    api.rotated(phone["refresh"])
    assert post_office() == []


@pytest.mark.spec("ASVS 5.0", "15.3.3")
def test_other_fields_cannot_be_changed(api: API, account: Account, alice: User, bob: User) -> None:
    phone = api.login(alice)
    before = User.objects.filter(pk=alice.pk).values().get()
    wished = {"id": str(bob.pk), "username": "root", "is_staff": True, "is_superuser": True}
    wished |= {"roles": ["editors"], "password": "x", "is_active": False, "email_changed_at": None}
    assert account.patch(wished, bearer=phone["access"]).status_code == 200
    assert User.objects.filter(pk=alice.pk).values().get() == before


@pytest.mark.parametrize(
    "body",
    [
        {"first_name": "a" * 151},
        {"first_name": None},
        {"first_name": ["a"]},
        {"first_name": "a\0"},
        {"first_name": "a\nb"},
        {"last_name": "a\u2028b"},
        {"email": None, "current_password": PASSWORD},
        {"email": "", "current_password": PASSWORD},
        {"email": "no address", "current_password": PASSWORD},
        {"email": f"{'a' * 250}@example.org", "current_password": PASSWORD},
        {"email": "new@example.org", "current_password": None},
        ["first_name"],
        "first_name",
    ],
    ids=str,
)
def test_an_invalid_change_is_400_and_changes_nothing(
    api: API, account: Account, alice: User, body: Any
) -> None:
    phone = api.login(alice)
    before = User.objects.filter(pk=alice.pk).values().get()
    assert account.patch(body, bearer=phone["access"]).status_code == 400
    assert User.objects.filter(pk=alice.pk).values().get() == before
    assert post_office() == []


def test_a_new_email_without_the_password_names_the_field(
    api: API, account: Account, alice: User
) -> None:
    bearer = api.login(alice)["access"]
    answer = account.patch({"email": "new@example.org", "first_name": "A"}, bearer=bearer)
    assert answer.status_code == 400
    assert answer.json() == {"current_password": ["This field is required."]}
    assert account.patch({"email": alice.email}, bearer=bearer).status_code == 200
    alice.refresh_from_db()
    assert (alice.email, alice.first_name) == ("alice@example.org", "")
    assert post_office() == []


@pytest.mark.parametrize(
    ("method", "path"),
    [("get", "me/"), ("patch", "me/"), ("delete", "me/"), ("post", "password/")],
)
def test_an_anonymous_request_is_401(
    api: API, account: Account, alice: User, method: str, path: str
) -> None:
    def ask(bearer: str) -> Any:
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        call = getattr(account.client, method)
        return call(f"/api/account/{path}", content_type="application/json", headers=headers)

    phone = api.login(alice)
    anonymous, garbage, refresh = ask(""), ask("garbage"), ask(phone["refresh"])
    assert (anonymous.status_code, anonymous["WWW-Authenticate"]) == (401, "Bearer")
    assert (garbage.status_code, refresh.status_code) == (401, 401)
    assert garbage["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    api.post("logout/", {"refresh": phone["refresh"]})
    assert ask(phone["access"]).status_code == 401
    assert row(phone).revoked_reason == "logout"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("post", "me/"),
        ("put", "me/"),
        ("get", "password/"),
        ("get", "password/reset/"),
        ("get", "password/reset/confirm/"),
        ("get", "me/email/confirm/"),
        ("delete", "password/"),
    ],
)
def test_any_other_method_is_405(
    api: API, account: Account, alice: User, method: str, path: str
) -> None:
    headers = {"Authorization": f"Bearer {api.login(alice)['access']}"}
    answer = getattr(account.client, method)(f"/api/account/{path}", headers=headers)
    assert answer.status_code == 405
