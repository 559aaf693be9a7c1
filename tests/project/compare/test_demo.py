"""A demo user leaves nothing behind, also after a crash, and no other user is touched."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.core import mail
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from accounts.models import User
from project.compare.demo import PREFIX, demo_user
from tokens.keys.keyring import keyring
from tokens.models import BlacklistedToken, DeviceSession, Event, Reason
from tokens.revocation.blacklist import blacklist
from tokens.sessions.lifecycle import Device, open_session

pytestmark = pytest.mark.django_db(transaction=True)
TABLES = (User, DeviceSession, Event, BlacklistedToken, DBTaskResult)
HEX = "0123456789abcdef" * 2


@pytest.fixture(autouse=True)
def signing_key(transactional_db: None) -> None:
    """Create the signing key, whose event remains."""
    keyring.current()


def counts() -> list[int]:
    return [table._base_manager.count() for table in TABLES]


def test_nothing_of_a_demo_user_remains(alice: User) -> None:
    open_session(alice, Device())
    before = counts()
    with demo_user() as user:
        user.groups.add(Group.objects.create(name="editors"))
        for agent in ("one", "two"):
            pair = open_session(user, Device(user_agent=agent))
        assert pair
        blacklist(str(pair.access), Reason.ADMIN)
        user.set_password("five warm foxes")
        user.save()
        assert DeviceSession.objects.filter(user=user, revoked_at=None).count() == 0
        assert counts() != before
    assert (counts(), mail.outbox) == (before, [])


def test_an_error_in_the_demonstration_leaves_nothing(db: None) -> None:
    before = counts()

    def fail() -> None:
        with demo_user() as user:
            open_session(user, Device())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert counts() == before


def test_a_demo_user_has_no_password_and_no_address(db: None) -> None:
    with demo_user() as user:
        assert (user.has_usable_password(), user.email, user.is_staff) == (False, "", False)


def forget(name: str = f"{PREFIX}{HEX}", age: timedelta = timedelta(hours=2)) -> User:
    """Create what a process leaves behind that is killed during a demonstration."""
    user = User(username=name, date_joined=timezone.now() - age)
    user.set_unusable_password()
    user.save()
    open_session(user, Device())
    return user


def test_the_next_demonstration_removes_a_forgotten_user(db: None) -> None:
    before = counts()
    forget()
    with demo_user():
        pass
    assert counts() == before


@pytest.mark.parametrize(
    "keep",
    [
        lambda: forget(age=timedelta(minutes=50)),
        lambda: forget(name=f"{PREFIX}{HEX[1:]}"),
        lambda: forget(name="demo-alice"),
        lambda: User.objects.create(
            username=f"{PREFIX}{HEX}", password="a hash", date_joined=timezone.now() - timedelta(9)
        ),
    ],
    ids=["young", "another name", "a person", "a password"],
)
def test_no_other_user_is_removed(db: None, keep: Callable[[], User]) -> None:
    user = keep()
    with demo_user():
        pass
    assert User.objects.filter(pk=user.pk).exists()
