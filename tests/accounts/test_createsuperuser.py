"""`createsuperuser` refuses a taken e-mail address as it refuses a taken user name: in one line."""

import getpass
from collections.abc import Iterator
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accounts.models import TAKEN_EMAIL, User

pytestmark = pytest.mark.django_db


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The lines that the operator types. The command must read all of them."""
    lines: list[str] = []
    monkeypatch.setattr("builtins.input", lambda prompt: lines.pop(0))
    monkeypatch.setattr(getpass, "getpass", lambda prompt="": "nine dry badgers")
    yield lines
    assert lines == []


def create(*options: str) -> str:
    """Run the command and return the errors that it printed."""
    printed = StringIO()
    call_command("createsuperuser", *options, stdin=Terminal(), stdout=StringIO(), stderr=printed)
    return printed.getvalue()


@pytest.mark.parametrize("mode", ["--noinput", "--verbosity=1"], ids=["no input", "interactive"])
def test_a_taken_address_is_refused_in_one_line(alice: User, mode: str) -> None:
    with pytest.raises(CommandError) as refused:
        create("--username=carol", f"--email={alice.email.upper()}", mode)
    assert str(refused.value) == str(TAKEN_EMAIL)
    assert [*User.objects.all()] == [alice]


def test_the_command_asks_for_another_address(alice: User, typed: list[str]) -> None:
    typed += ["carol", alice.email, "carol@example.org"]
    assert create() == f"Error: {TAKEN_EMAIL}\n"
    carol = User.objects.get(username="carol")
    assert (carol.email, carol.is_superuser) == ("carol@example.org", True)


def test_a_superuser_needs_no_address(alice: User, typed: list[str]) -> None:
    User.objects.filter(pk=alice.pk).update(email="")
    typed += ["carol", ""]
    assert create() == ""
    assert User.objects.get(username="carol").email == ""


def test_a_user_keeps_the_own_address(alice: User) -> None:
    alice.full_clean()
