"""The forms of a user in Django admin: what they save, and what they refuse at which field."""

import pytest

from accounts.models import User
from tests.accounts.conftest import NEW_PASSWORD, AdminPages
from tests.conftest import API, PASSWORD, row
from tests.support.staff import USERS, Staff

pytestmark = pytest.mark.django_db


def test_the_admin_adds_a_user_who_can_sign_in(api: API, admin: AdminPages) -> None:
    answer = admin.post(
        "add/",
        username="dave",
        usable_password="true",
        password1=NEW_PASSWORD,
        password2=NEW_PASSWORD,
    )
    assert answer.status_code == 302
    dave = User.objects.get(username="dave")
    pair = api.post("login/", {"username": "dave", "password": NEW_PASSWORD}).json()
    assert row(pair).user_id == dave.pk


def test_the_admin_adds_a_user_who_can_be_invited(admin: AdminPages) -> None:
    """The form asks for the e-mail address, so that an invitation takes no further page."""
    assert "Active sessions" not in admin.get("add/").text
    answer = admin.post("add/", username="dave", email="dave@example.org", usable_password="false")
    assert answer.status_code == 302
    dave = User.objects.get(username="dave")
    assert dave.email == "dave@example.org"
    assert not dave.has_usable_password()


def test_the_forms_say_how_a_user_without_a_password_gets_one(
    alice: User, admin: AdminPages
) -> None:
    """Django's help text promises single sign-on and LDAP."""
    for page in ("add/", f"{alice.pk}/password/"):
        text = admin.get(page).text
        assert "Disabled: the user has no password, and chooses one by an invitation." in text
        assert ("unusable_warning" in text) == (page != "add/")
        assert "LDAP" not in text


@pytest.mark.parametrize(
    ("email", "error"),
    [
        ("ALICE@example.org", "A user with that e-mail address already exists."),
        ("no address", "Enter a valid e-mail address."),
        ("dave@example.org\0", "Null characters are not allowed."),
    ],
    ids=["taken", "no address", "NUL"],
)
def test_a_bad_email_is_refused_at_its_field(
    alice: User, admin: AdminPages, email: str, error: str
) -> None:
    answer = admin.post("add/", username="dave", email=email, usable_password="false")
    assert answer.status_code == 200
    errors = answer.context["adminform"].form.errors
    assert [*errors] == ["email"]
    assert error in errors["email"]
    assert not User.objects.filter(username="dave").exists()


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("alice", NEW_PASSWORD),
        ("ALICE", NEW_PASSWORD),
        ("dave@example.org", NEW_PASSWORD),
        ("d" * 100_000, NEW_PASSWORD),
        ("dave\0", NEW_PASSWORD),
        ("dave", "password123"),
        ("dave", "d" * 1025),
    ],
    ids=["taken", "taken in other case", "@", "100 kB", "NUL", "common", "too long a password"],
)
def test_a_bad_user_name_or_password_is_refused_in_the_form(
    alice: User, admin: AdminPages, name: str, password: str
) -> None:
    fields = {"usable_password": "true", "password1": password, "password2": password}
    answer = admin.post("add/", username=name, **fields)
    assert answer.status_code == 200
    assert answer.context["adminform"].form.errors
    assert set(User.objects.all()) == {alice, admin.carol}


def test_the_admin_changes_a_user(alice: User, admin: AdminPages) -> None:
    answer = admin.change(alice, first_name="Alice", email="alice@example.net")
    assert answer.status_code == 302
    alice.refresh_from_db()
    assert (alice.first_name, alice.email) == ("Alice", "alice@example.net")


def test_a_taken_email_is_refused_in_the_form(alice: User, bob: User, admin: AdminPages) -> None:
    answer = admin.change(alice, email="BOB@example.org")
    assert answer.status_code == 200
    errors = answer.context["adminform"].form.errors
    assert errors == {"email": ["A user with that e-mail address already exists."]}
    alice.refresh_from_db()
    assert alice.email == "alice@example.org"


@pytest.mark.parametrize("right", ["is_active", "is_staff", "is_superuser"])
def test_administrators_cannot_lock_themselves_out(admin: AdminPages, right: str) -> None:
    rights = {"is_active": "on", "is_staff": "on", "is_superuser": "on"}
    answer = admin.change(admin.carol, **{**rights, right: None})
    assert answer.status_code == 200
    assert [*answer.context["adminform"].form.errors] == [right]
    admin.carol.refresh_from_db()
    assert getattr(admin.carol, right)
    assert admin.change(admin.carol, **rights, first_name="Carol").status_code == 302


def test_staff_without_the_rights_change_their_own_names(alice: User) -> None:
    dave = Staff("dave", "change_user")
    page = f"{USERS}{dave.user.pk}/change/"
    refused = dave.client.post(page, {"username": "dave"})
    assert "You cannot deactivate yourself." in refused.text
    changed = {"username": "dave", "is_active": "on", "first_name": "Dave"}
    assert dave.client.post(page, changed).status_code == 302
    assert User.objects.get(first_name="Dave").is_staff


def test_the_date_of_an_account_cannot_be_changed(alice: User, admin: AdminPages) -> None:
    joined = {"date_joined_0": "2001-01-01", "date_joined_1": "00:00:00"}
    assert admin.change(alice, **joined).status_code == 302
    before, after = alice.date_joined, User.objects.get(pk=alice.pk).date_joined
    assert after == before


@pytest.mark.spec("ASVS 5.0", "6.2.3")
def test_your_own_password_needs_the_current_one_in_the_admin(
    alice: User, admin: AdminPages
) -> None:
    fields = {"usable_password": "true", "password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    for own in (
        admin.get(f"{admin.carol.pk}/password/"),
        admin.post(f"{admin.carol.pk}/password/", **fields),
    ):
        assert own["Location"] == "/accounts/password/change/"
    admin.carol.refresh_from_db()
    assert admin.carol.check_password(PASSWORD)
    assert admin.get(f"{alice.pk}/password/").status_code == 200
