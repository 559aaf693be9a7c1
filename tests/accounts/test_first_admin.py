"""`createfirstadmin` creates one administrator, on a new site only."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from project.serving.serve import announce_first_admin

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ADMIN_USERNAME", raising=False)
    monkeypatch.delenv("ADMIN_PASSWORD", raising=False)


def create() -> str:
    """Run the command and return what it printed."""
    printed = StringIO()
    call_command("createfirstadmin", stdout=printed)
    return printed.getvalue()


@pytest.mark.spec("ASVS 5.0", "6.3.2")
def test_a_random_password_is_generated_and_printed_once() -> None:
    lines = create().splitlines()
    assert lines[0] == "Created the administrator admin."
    password = lines[1].removeprefix("The password is ").removesuffix(" and is not shown again.")
    assert len(password) >= 20
    admin = User.objects.get()
    assert (admin.username, admin.is_staff, admin.is_superuser) == ("admin", True, True)
    assert admin.check_password(password)
    assert create() == ""
    assert User.objects.get().password == admin.password


def test_every_random_password_is_different() -> None:
    first = create()
    User.objects.all().delete()
    assert create() != first


def test_a_given_password_is_used_and_not_printed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ADMIN_USERNAME", "carol")
    monkeypatch.setenv("ADMIN_PASSWORD", "nine dry badgers")
    assert create() == "Created the administrator carol.\n"
    carol = User.objects.get(username="carol")
    assert carol.is_superuser
    assert carol.check_password("nine dry badgers")


@pytest.mark.parametrize("is_superuser", [True, False])
@pytest.mark.parametrize("name", ["alice", "carol"])
def test_a_site_with_users_gets_no_administrator(
    alice: User, monkeypatch: pytest.MonkeyPatch, *, is_superuser: bool, name: str
) -> None:
    """An old ADMIN_PASSWORD would otherwise replace a superuser that was deleted or demoted."""
    User.objects.filter(pk=alice.pk).update(is_superuser=is_superuser)
    monkeypatch.setenv("ADMIN_USERNAME", name)
    monkeypatch.setenv("ADMIN_PASSWORD", "nine dry badgers")
    assert create() == ""
    kept = User.objects.get()
    assert (kept.pk, kept.password, kept.is_superuser) == (alice.pk, alice.password, is_superuser)


@pytest.mark.parametrize(
    ("changes", "is_reported"),
    [
        pytest.param({"is_superuser": True}, False, id="superuser"),
        pytest.param({"is_superuser": True, "is_active": False}, True, id="inactive superuser"),
        pytest.param({"is_staff": True}, True, id="staff only"),
    ],
)
def test_a_start_without_a_superuser_says_how_to_create_one(
    alice: User, caplog: pytest.LogCaptureFixture, changes: dict[str, bool], *, is_reported: bool
) -> None:
    User.objects.filter(pk=alice.pk).update(**changes)
    announce_first_admin()
    assert ("manage.py createsuperuser" in caplog.text) is is_reported
    assert User.objects.count() == 1


@pytest.mark.parametrize(
    ("name", "password", "sentence"),
    [
        ("admin", "vgq7xkr", "This password is too short"),
        ("admin", "password123", "This password is too common"),
        ("admin", "latchkey", "this site's"),
        ("badgers", "badgers1", "too similar to the user name"),
        ("carol@example.org", "nine dry badgers", "Use letters, digits"),
        ("a" * 151, "nine dry badgers", "at most 150 characters"),
    ],
    ids=[
        "short password",
        "common password",
        "password of the site's name",
        "password like the name",
        "name with @",
        "name too long",
    ],
)
def test_invalid_values_are_reported_and_create_no_user(
    monkeypatch: pytest.MonkeyPatch, name: str, password: str, sentence: str
) -> None:
    monkeypatch.setenv("ADMIN_USERNAME", name)
    monkeypatch.setenv("ADMIN_PASSWORD", password)
    with pytest.raises(CommandError, match=sentence) as error:
        create()
    assert password not in str(error.value)
    assert not User.objects.exists()
