"""`createfirstadmin` creates one administrator, on a new site only."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User

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


def test_an_existing_administrator_is_kept(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    User.objects.filter(pk=alice.pk).update(is_superuser=True)
    monkeypatch.setenv("ADMIN_USERNAME", "alice")
    monkeypatch.setenv("ADMIN_PASSWORD", "nine dry badgers")
    assert create() == ""
    assert User.objects.get().password == alice.password


@pytest.mark.parametrize(
    ("name", "password", "sentence"),
    [
        ("admin", "vgq7xkr", "This password is too short"),
        ("admin", "password123", "This password is too common"),
        ("admin", "latchkey", "this site's"),
        ("badgers", "badgers1", "too similar to the user name"),
        ("carol@example.org", "nine dry badgers", "Use letters, digits"),
        ("a" * 151, "nine dry badgers", "at most 150 characters"),
        ("alice", "nine dry badgers", "already exists"),
    ],
    ids=[
        "short password",
        "common password",
        "password of the site's name",
        "password like the name",
        "name with @",
        "name too long",
        "name taken by a user without staff status",
    ],
)
def test_invalid_values_are_reported_and_create_no_user(
    alice: User, monkeypatch: pytest.MonkeyPatch, name: str, password: str, sentence: str
) -> None:
    monkeypatch.setenv("ADMIN_USERNAME", name)
    monkeypatch.setenv("ADMIN_PASSWORD", password)
    with pytest.raises(CommandError, match=sentence) as error:
        create()
    assert password not in str(error.value)
    assert list(User.objects.all()) == [alice]
    alice.refresh_from_db()
    assert not alice.is_superuser
