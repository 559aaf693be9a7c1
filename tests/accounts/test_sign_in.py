"""Active users sign in by name or e-mail address, and a refusal reveals nothing."""

import time
import unicodedata
from datetime import timedelta
from statistics import median

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth import aauthenticate, authenticate
from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from accounts.backends import NameOrEmailBackend
from accounts.models import User
from tests.conftest import API, HASHED, PASSWORD, Answer, Clock, row
from tests.support.hashing import QuickArgon2idHasher
from tokens.models import DeviceSession

pytestmark = pytest.mark.django_db

WRONG = "eight wet otters"


class CountingHasher(QuickArgon2idHasher):
    """The hasher of the tests, which counts how often it computes a hash."""

    computed = 0

    def encode(self, password: str, salt: str) -> str:
        type(self).computed += 1
        return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        type(self).computed += 1
        return super().verify(password, encoded)


def try_to_sign_in(api: API, name: str, password: str) -> Answer:
    return api.post("login/", {"username": name, "password": password})


@pytest.mark.parametrize(
    "name",
    ["alice", "alice@example.org", "ALICE@example.org", "Alice@Example.ORG"],
    ids=["user name", "e-mail", "e-mail in capitals", "e-mail in mixed case"],
)
def test_a_user_signs_in_by_name_or_by_email_in_any_case(api: API, alice: User, name: str) -> None:
    answer = try_to_sign_in(api, name, PASSWORD)
    assert answer.status_code == 200
    assert row(answer.json()).user_id == alice.pk


def test_a_user_name_is_case_sensitive(api: API, alice: User) -> None:
    assert try_to_sign_in(api, "Alice", PASSWORD).status_code == 401


REFUSED = {
    "unknown user name": ("nobody", PASSWORD),
    "unknown e-mail": ("nobody@example.org", PASSWORD),
    "wrong password": ("alice", WRONG),
    "wrong password by e-mail": ("alice@example.org", WRONG),
    "password in other case": ("alice", PASSWORD.upper()),
    "password with a space added": ("alice", f"{PASSWORD} "),
    "inactive": ("ivan", PASSWORD),
    "inactive, wrong password": ("ivan", WRONG),
    "no usable password": ("ulla", PASSWORD),
    "the stored hash as the password": ("alice", HASHED),
    "name with %": ("a%", PASSWORD),
    "name with _": ("alic_", PASSWORD),
    "e-mail with %": ("%@example.org", PASSWORD),
    "e-mail with _": ("alic_@example.org", PASSWORD),
    "e-mail as the database pattern": ("%@%", PASSWORD),
    "name of 60 kB": ("a" * 60_000, PASSWORD),
    "e-mail of 60 kB": (f"{'a' * 60_000}@example.org", PASSWORD),
    "pattern of 60 kB": ("%_" * 30_000, PASSWORD),
    "password of 60 kB": ("alice", "a" * 60_000),
}


@pytest.fixture
def others(db: None) -> None:
    """ivan is inactive; ulla has no password."""
    User.objects.create(username="ivan", password=HASHED, is_active=False)
    User.objects.create(username="ulla", password=make_password(None))


@pytest.mark.trap(45, 65)
@pytest.mark.spec("ASVS 5.0", "6.3.8")
@pytest.mark.parametrize(("name", "password"), REFUSED.values(), ids=REFUSED)
def test_every_refusal_is_the_same_and_writes_nothing(
    api: API, alice: User, others: None, name: str, password: str
) -> None:
    before = list(User.objects.order_by("pk").values())
    answer = try_to_sign_in(api, name, password)
    assert answer.status_code == 401
    assert answer.json() == {
        "detail": "No active account was found with these credentials.",
        "code": "no_active_account",
    }
    assert answer["WWW-Authenticate"] == "Bearer"
    assert not DeviceSession.objects.exists()
    assert list(User.objects.order_by("pk").values()) == before


@pytest.mark.trap(45)
@pytest.mark.spec("ASVS 5.0", "6.3.8")
@pytest.mark.parametrize(
    ("name", "password"),
    [
        *REFUSED.values(),
        ("alice", PASSWORD),
        ("alice\0", PASSWORD),
        ("alice\0@example.org", PASSWORD),
        ("a" * 100_000, PASSWORD),
    ],
    ids=[*REFUSED, "right", "name with NUL", "e-mail with NUL", "name of 100 kB"],
)
def test_each_sign_in_computes_one_hash(
    alice: User, others: None, settings: Settings, name: str, password: str
) -> None:
    settings.PASSWORD_HASHERS = [f"{__name__}.CountingHasher"]
    CountingHasher.computed = 0
    found = authenticate(username=name, password=password)
    assert CountingHasher.computed == 1
    assert found == (alice if (name, password) == ("alice", PASSWORD) else None)


@pytest.mark.trap(65)
@pytest.mark.parametrize(
    "name",
    ["alice\0", "alice\0@example.org", "a" * 255, "a" * 100_000, ""],
    ids=["NUL", "e-mail with NUL", "255 characters", "100 kB", "empty"],
)
def test_an_impossible_name_is_not_looked_up(
    alice: User, django_assert_num_queries: DjangoAssertNumQueries, name: str
) -> None:
    with django_assert_num_queries(1):  # the event of the failure
        assert authenticate(username=name, password=PASSWORD) is None


@pytest.mark.usefixtures("site_hashers")
@pytest.mark.trap(45)
@pytest.mark.spec("ASVS 5.0", "6.3.8")
@pytest.mark.parametrize(
    ("tries", "apart"),
    [pytest.param(7, 0.5, id="few"), pytest.param(200, 0.05, id="many", marks=pytest.mark.soak)],
)
def test_a_refusal_takes_as_long_for_an_unknown_user(
    api: API, alice: User, others: None, tries: int, apart: float
) -> None:
    """Guards the hash that the backend computes for an unknown user.

    The tries alternate, and only the process's own time is measured, without that of other
    programs.
    """
    User.objects.update(password=make_password(PASSWORD))
    names = ["nobody", "alice", "alice@example.org", "nobody@example.org", "ivan"]
    taken: dict[str, list[float]] = {name: [] for name in names}
    for number in range(tries):
        for name in names if number % 2 else reversed(names):
            started = time.process_time()
            assert try_to_sign_in(api, name, WRONG).status_code == 401
            taken[name].append(time.process_time() - started)
    unknown, *known = (median(taken[name]) for name in names)
    assert max(abs(one - unknown) for one in known) < apart * unknown, (unknown, known)


def test_a_sign_in_updates_last_login(api: API, alice: User, clock: Clock) -> None:
    api.login(alice)
    clock.forward(days=2)
    api.login(alice)
    alice.refresh_from_db()
    assert alice.last_login == timezone.now()


def test_a_refused_sign_in_keeps_last_login(api: API, alice: User) -> None:
    yesterday = timezone.now() - timedelta(days=1)
    User.objects.filter(pk=alice.pk).update(last_login=yesterday)
    try_to_sign_in(api, "alice", WRONG)
    alice.refresh_from_db()
    assert alice.last_login == yesterday


@pytest.mark.trap(60)
def test_a_user_name_cannot_be_an_email_address(api: API, alice: User, bob: User) -> None:
    answer = try_to_sign_in(api, "bob@example.org", PASSWORD)
    assert row(answer.json()).user_id == bob.pk
    for change in (bob.save, lambda: User.objects.filter(pk=bob.pk).update(username=bob.username)):
        bob.username = alice.email
        with pytest.raises(IntegrityError), transaction.atomic():
            change()
    bob.refresh_from_db()
    assert bob.username == "bob"


def test_an_email_without_an_at_sign_is_not_a_login(api: API, alice: User, bob: User) -> None:
    User.objects.filter(pk=bob.pk).update(email="alice")
    assert row(api.login(alice)).user_id == alice.pk


@pytest.mark.trap(60)
@pytest.mark.parametrize(
    "name",
    ["alice@example.org", "@", "a b", "a\n", "a/b", "", "a" * 151],
    ids=["e-mail", "at", "space", "newline", "slash", "empty", "too long"],
)
def test_validation_refuses_an_invalid_user_name(db: None, name: str) -> None:
    with pytest.raises(ValidationError) as error:
        User(username=name, password=HASHED).full_clean()
    assert "username" in error.value.message_dict or "@" in str(error.value)


def test_a_user_name_can_have_letters_of_any_alphabet(db: None) -> None:
    User(username="Ælf-rīc.Ω+1_", password=HASHED).full_clean()


def test_validation_refuses_an_email_in_another_case(alice: User) -> None:
    twin = User(username="twin", email="Alice@Example.org", password=HASHED)
    with pytest.raises(ValidationError, match="A user with that e-mail address already exists"):
        twin.full_clean()


@pytest.mark.trap(45)
def test_the_database_refuses_an_email_in_another_case(alice: User) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create(username="twin", email="Alice@Example.org", password=HASHED)
    assert not User.objects.filter(username="twin").exists()


def test_many_users_can_have_no_email(db: None) -> None:
    for name in ("dave", "erin"):
        user = User(username=name, email="", password=HASHED)
        user.full_clean()
        user.save()
    assert User.objects.filter(email="").count() == 2


def test_an_empty_login_finds_no_user_without_an_email(db: None) -> None:
    User.objects.create(username="dave", email="", password=HASHED)
    assert authenticate(username="", password=PASSWORD) is None


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", ["alice", "ALICE@example.org"])
def test_an_asynchronous_sign_in_accepts_name_and_email(alice: User, name: str) -> None:
    asked = async_to_sync(aauthenticate)(username=name, password=PASSWORD)
    assert asked == alice


def test_a_user_name_is_found_in_every_unicode_form(db: None) -> None:
    User.objects.create_user("josé", password=PASSWORD)
    found = NameOrEmailBackend().find(unicodedata.normalize("NFD", "josé"))
    assert found is not None
    assert found.username == unicodedata.normalize("NFC", "josé")
