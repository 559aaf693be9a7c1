"""A sign-in upgrades an outdated hash. This changes no password and undoes no change."""

from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.hashers import (
    Argon2PasswordHasher,
    PBKDF2PasswordHasher,
    make_password,
)
from django.db import OperationalError, connection
from pytest_django import Settings

from accounts.models import User
from tests.accounts.conftest import NEW_HASH, NEW_PASSWORD, execute_sql
from tests.conftest import API, HASHED, PASSWORD, row
from tokens.models import DeviceSession, Reason
from tokens.sessions.lifecycle import Device, open_session

pytestmark = pytest.mark.django_db

PARAMETERS = "argon2$argon2id$v=19$m=19456,t=2,p=1$"


class CheaperArgon2(Argon2PasswordHasher):
    memory_cost = 8 * 1024
    time_cost = 1
    parallelism = 1


OUTDATED = {
    "PBKDF2": PBKDF2PasswordHasher().encode(PASSWORD, "s" * 22, 1_000),
    "scrypt": make_password(PASSWORD, hasher="scrypt"),
    "cheaper Argon2id": CheaperArgon2().encode(PASSWORD, "s" * 22),
}
PBKDF2 = OUTDATED["PBKDF2"]


class OvertakenHasher(PBKDF2PasswordHasher):
    """PBKDF2. Another request changes the password right after it was verified."""

    def verify(self, password: str, encoded: str) -> bool:
        correct = super().verify(password, encoded)
        User.objects.filter(username="alice").update(password=NEW_HASH)
        return correct


def outdate(user: User, stored: str = PBKDF2) -> None:
    """Give the user the outdated hash before the first sign-in."""
    User.objects.filter(pk=user.pk).update(password=stored)


@pytest.mark.usefixtures("site_hashers")
@pytest.mark.spec("ASVS 5.0", "11.4.2")
def test_a_new_hash_uses_argon2id_at_the_recommended_cost(alice: User) -> None:
    alice.set_password(NEW_PASSWORD)
    assert alice.password.startswith(PARAMETERS)


@pytest.mark.usefixtures("site_hashers")
@pytest.mark.parametrize("stored", OUTDATED.values(), ids=OUTDATED)
def test_a_sign_in_upgrades_an_outdated_hash(api: API, alice: User, stored: str) -> None:
    outdate(alice, stored)
    pair = api.login(alice)
    alice.refresh_from_db()
    assert alice.password.startswith(PARAMETERS)
    assert alice.check_password(PASSWORD)
    api.rotated(pair["refresh"])


def test_a_current_hash_is_kept(api: API, alice: User) -> None:
    api.login(alice)
    assert User.objects.get().password == HASHED


@pytest.mark.parametrize("stored", OUTDATED.values(), ids=OUTDATED)
def test_a_wrong_password_upgrades_nothing(api: API, alice: User, stored: str) -> None:
    outdate(alice, stored)
    assert not alice.check_password(NEW_PASSWORD)
    answer = api.post("login/", {"username": "alice", "password": NEW_PASSWORD})
    assert answer.status_code == 401
    assert User.objects.get().password == stored


@pytest.fixture
def laptop(alice: User) -> dict[str, Any]:
    """A session of alice that she opened with her outdated hash."""
    outdate(alice)
    pair = open_session(User.objects.get(pk=alice.pk), Device(label="laptop"))
    assert pair is not None
    return pair.as_json()


@pytest.mark.trap(14)
def test_an_upgrade_leaves_the_other_devices_signed_in(
    api: API, alice: User, bob: User, laptop: dict[str, Any]
) -> None:
    other = api.login(bob)
    before, others = row(laptop).credential_tag, row(other).credential_tag
    phone = api.login(alice, "phone")
    assert row(laptop).credential_tag == row(phone).credential_tag != before
    assert row(other).credential_tag == others
    assert api.get("sessions/", bearer=laptop["access"]).status_code == 200
    api.rotated(laptop["refresh"])
    assert row(laptop).revoked_at is None


def test_an_upgrade_revives_no_session_of_an_old_password(api: API, alice: User) -> None:
    phone = api.login(alice, "phone")
    execute_sql("UPDATE accounts_user SET password = %s WHERE username = 'alice'", PBKDF2)
    api.login(alice, "laptop")
    assert api.refresh(phone["refresh"]).status_code == 401
    assert row(phone).revoked_reason == Reason.CREDENTIALS_CHANGED


def test_an_upgrade_replaces_no_hash_of_another_user(alice: User, bob: User) -> None:
    """Guards the primary key in credentials.upgrade_hash."""
    for user in (alice, bob):
        outdate(user)
    assert User.objects.get(pk=alice.pk).check_password(PASSWORD)
    assert User.objects.get(pk=bob.pk).password == PBKDF2


def test_an_upgrade_keeps_unsaved_changes(alice: User) -> None:
    outdate(alice)
    user = User.objects.get(pk=alice.pk)
    user.first_name = "Alice"
    assert user.check_password(PASSWORD)
    assert user.first_name == "Alice"


def test_no_hash_is_stored_if_the_sessions_cannot_be_bound(
    alice: User, laptop: dict[str, Any]
) -> None:
    """Guards the transaction in credentials.upgrade_hash."""

    def fail(execute: Any, sql: str, *args: Any) -> Any:
        if sql.startswith('UPDATE "tokens_devicesession"'):
            raise OperationalError
        return execute(sql, *args)

    user = User.objects.get(pk=alice.pk)
    with connection.execute_wrapper(fail), pytest.raises(OperationalError):
        user.check_password(PASSWORD)
    assert User.objects.get().password == PBKDF2


def test_an_upgrade_does_not_change_a_revoked_session(
    api: API, alice: User, laptop: dict[str, Any]
) -> None:
    before = row(laptop).credential_tag
    api.post("logout/", {"refresh": laptop["refresh"]})
    phone = api.login(alice, "phone")
    assert row(laptop).credential_tag == before != row(phone).credential_tag


@pytest.mark.trap(14)
def test_an_upgrade_does_not_overwrite_a_password_change(
    api: API, alice: User, laptop: dict[str, Any], settings: Settings
) -> None:
    settings.PASSWORD_HASHERS = [
        "accounts.hashers.Argon2idHasher",
        f"{__name__}.OvertakenHasher",
    ]
    answer = api.post("login/", {"username": "alice", "password": PASSWORD})
    assert answer.status_code == 401
    assert User.objects.get().password == NEW_HASH
    assert DeviceSession.objects.get().revoked_reason == Reason.CREDENTIALS_CHANGED


@pytest.mark.trap(14)
def test_an_upgrade_by_a_stale_instance_keeps_a_new_password(
    alice: User, laptop: dict[str, Any]
) -> None:
    stale = User.objects.get(pk=alice.pk)
    User.objects.filter(pk=alice.pk).update(password=NEW_HASH)
    assert not stale.check_password(PASSWORD)
    stale.save()
    assert User.objects.get().password == NEW_HASH
    assert row(laptop).revoked_reason == Reason.CREDENTIALS_CHANGED


def test_an_upgrade_of_a_deleted_user_refuses_the_sign_in(alice: User) -> None:
    outdate(alice)
    stale = User.objects.get(pk=alice.pk)
    alice.delete()
    assert not stale.check_password(PASSWORD)
    assert not User.objects.exists()


def test_two_simultaneous_upgrades_both_sign_in(alice: User) -> None:
    outdate(alice)
    phone, laptop = User.objects.get(pk=alice.pk), User.objects.get(pk=alice.pk)
    assert phone.check_password(PASSWORD)
    upgraded = User.objects.get().password
    assert laptop.check_password(PASSWORD)
    assert User.objects.get().password == upgraded
    assert open_session(phone, Device(label="phone")) is not None
    assert open_session(laptop, Device(label="laptop")) is not None
    assert DeviceSession.objects.active().count() == 2


@pytest.mark.usefixtures("site_hashers")
def test_an_asynchronous_upgrade_keeps_other_sessions(
    api: API, alice: User, laptop: dict[str, Any]
) -> None:
    user = User.objects.get(pk=alice.pk)
    assert not async_to_sync(user.acheck_password)(NEW_PASSWORD)
    assert User.objects.get().password == PBKDF2
    assert async_to_sync(user.acheck_password)(PASSWORD)
    assert User.objects.get().password.startswith(PARAMETERS)
    api.rotated(laptop["refresh"])


def test_saving_an_upgraded_instance_revokes_nothing(
    api: API, alice: User, laptop: dict[str, Any]
) -> None:
    user = User.objects.get(pk=alice.pk)
    assert user.check_password(PASSWORD)
    user.save()
    assert User.objects.get().password == user.password
    api.rotated(laptop["refresh"])
