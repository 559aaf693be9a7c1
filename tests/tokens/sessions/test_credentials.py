"""Sessions are revoked by comparing their tags with the stored rows, for every user model."""

import os
import subprocess
import sys
from contextlib import suppress
from copy import copy

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext, isolate_apps
from pytest_django import Settings

from accounts.models import User
from tests.accounts.conftest import NEW_HASH, execute_sql
from tests.conftest import API, HASHED, PASSWORD, row
from tests.support.racing import queue, refresh, sign_in
from tests.support.site import ROOT
from tokens.models import DeviceSession, Reason

pytestmark = pytest.mark.django_db(transaction=True)

PBKDF2 = PBKDF2PasswordHasher().encode(PASSWORD, "salt", iterations=1000)


def statements(captured: CaptureQueriesContext) -> list[str]:
    """Return the first words of the captured statements, without those of transactions."""
    words = [query["sql"].split()[0] for query in captured]
    return [word for word in words if word not in ("BEGIN", "COMMIT")]


def test_a_save_of_a_name_costs_one_query_and_one_event(api: API, alice: User) -> None:
    api.login(alice)
    user = User.objects.get(pk=alice.pk)
    user.first_name = "Alice"
    with CaptureQueriesContext(connection) as captured:
        user.save()
        user.save(update_fields=["last_login"])
    assert statements(captured) == ["UPDATE", "INSERT", "UPDATE"]


def test_a_save_of_a_new_password_costs_three_and_two_events(api: API, alice: User) -> None:
    phone, laptop = api.login(alice), api.login(alice)
    alice.password = NEW_HASH
    with CaptureQueriesContext(connection) as captured:
        alice.save()
    assert statements(captured) == ["UPDATE", "SELECT", "UPDATE", "INSERT", "INSERT"]
    reasons = {row(phone).revoked_reason, row(laptop).revoked_reason}
    assert reasons == {Reason.CREDENTIALS_CHANGED}


def test_a_save_compares_only_the_sessions_of_its_user(api: API, alice: User, bob: User) -> None:
    """Guards that credentials.revoke_outdated does not read the sessions of all users."""
    phone = api.login(alice)
    execute_sql("UPDATE accounts_user SET password = %s WHERE username = 'alice'", NEW_HASH)
    bob.save(update_fields=["is_active"])
    assert row(phone).revoked_at is None


def test_a_new_user_costs_one_query(db: None) -> None:
    with CaptureQueriesContext(connection) as captured:
        User.objects.create(username="dave", password=HASHED)
    assert statements(captured) == ["INSERT"]


def test_a_session_of_a_fallback_of_the_secret_key_is_kept(
    api: API, alice: User, settings: Settings
) -> None:
    """Guards that the tags of every subkey count in credentials.revoke_outdated."""
    phone = api.login(alice)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "a new one", [settings.SECRET_KEY]
    User.objects.update(is_active=True)
    assert row(phone).revoked_at is None


@pytest.mark.trap(14)
def test_a_stale_instance_revokes_no_session_bound_to_an_upgraded_hash(alice: User) -> None:
    """Guards that credentials.revoke_outdated reads the stored row and not the instance."""
    User.objects.update(password=PBKDF2)
    stale = User.objects.get(pk=alice.pk)
    phone = sign_in(stale)
    assert User.objects.get(pk=alice.pk).check_password(PASSWORD)
    stale.save(update_fields=["is_active"])
    assert refresh(phone.refresh).status == 200


@pytest.mark.trap(14, 51, 52)
@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has no such locks")
def test_a_save_behind_a_hash_upgrade_revokes_no_session(alice: User) -> None:
    """Guards that credentials.revoke_outdated reads the sessions after the user is written."""
    User.objects.update(password=PBKDF2)
    stale, other = User.objects.get(pk=alice.pk), User.objects.get(pk=alice.pk)
    phone = sign_in(stale)
    with queue() as line_up:
        assert other.check_password(PASSWORD)
        late = line_up(lambda: stale.save(update_fields=["is_active"]))
    late.result(timeout=30)
    assert refresh(phone.refresh).status == 200


def test_a_bulk_update_gives_each_session_the_reason_of_its_user(
    api: API, alice: User, bob: User
) -> None:
    carol = User.objects.create(username="carol", email="carol@example.org", password=HASHED)
    hers, his, carols = api.login(alice), api.login(bob), api.login(carol)
    alice.password, bob.is_active = NEW_HASH, False
    User.objects.bulk_update([alice, bob, carol], ["password", "is_active"])
    assert row(hers).revoked_reason == Reason.CREDENTIALS_CHANGED
    assert row(his).revoked_reason == Reason.DEACTIVATED
    assert row(carols).revoked_at is None


@isolate_apps("accounts")
def test_a_proxy_of_the_user_model_revokes_too(alice: User) -> None:
    """Guards that post_save is connected without a sender."""

    class Employee(User):
        class Meta:
            proxy = True
            app_label = "accounts"

    phone = sign_in(alice)
    employee = Employee.objects.get(pk=alice.pk)
    employee.is_active = False
    employee.save()
    assert DeviceSession.objects.get(sid=phone.session).revoked_reason == Reason.DEACTIVATED


def test_a_change_undone_in_the_same_transaction_is_stored(alice: User) -> None:
    """Guards that a written value no longer counts as loaded before the commit."""
    user = User.objects.get(pk=alice.pk)
    with transaction.atomic():
        user.is_active = False
        user.save()
        user.is_active = True
        user.save()
    assert User.objects.get(pk=alice.pk).is_active


def test_a_change_that_was_committed_is_not_written_again(alice: User) -> None:
    """Guards that a committed value counts as loaded."""
    user = User.objects.get(pk=alice.pk)
    user.password = NEW_HASH
    user.save()
    execute_sql("UPDATE accounts_user SET password = %s WHERE username = 'alice'", HASHED)
    user.save()
    assert User.objects.get(pk=alice.pk).password == HASHED


def test_saving_a_copy_writes_no_old_value(alice: User) -> None:
    """Guards that instances share no loaded values."""
    user = User.objects.get(pk=alice.pk)
    copied = copy(user)
    copied.password = NEW_HASH
    copied.save()
    user.save()
    assert User.objects.get(pk=alice.pk).password == NEW_HASH


def test_a_savepoint_that_is_rolled_back_leaves_the_earlier_change(alice: User) -> None:
    user = User.objects.get(pk=alice.pk)
    with transaction.atomic():
        user.username = "alicia"
        user.save()
        with suppress(InterruptedError), transaction.atomic():
            user.username = "alison"
            user.save()
            raise InterruptedError
    assert User.objects.get(pk=alice.pk).username == "alicia"
    user.save()
    assert User.objects.get(pk=alice.pk).username == "alison"


# A project with another user model


@pytest.fixture
def password_backend(settings: Settings) -> None:
    settings.AUTHENTICATION_BACKENDS = ["tokens.http.backends.PasswordBackend"]


@pytest.mark.usefixtures("password_backend")
def test_the_backend_signs_in_by_user_name(alice: User) -> None:
    assert authenticate(username="alice", password=PASSWORD) == alice
    assert authenticate(username="alice", password="wrong") is None
    assert authenticate(username="nobody", password=PASSWORD) is None
    assert authenticate(password=PASSWORD) is None
    User.objects.update(is_active=False)
    assert authenticate(username="alice", password=PASSWORD) is None


#: Upgrades an outdated hash, refreshes, sets a new password, and signs in with it.
ANOTHER_USER = f"""
import django
django.setup()
from django.contrib.auth import authenticate, get_user_model
from django.contrib.auth.hashers import make_password
from django.core.checks import run_checks
from django.core.management import call_command
from rest_framework.test import APIClient
from tokens.jwt.claims import RefreshToken
from tokens.models import DeviceSession
from tokens.sessions.lifecycle import Device, open_session
from tokens.sessions.rotation import rotate

call_command("migrate", run_syncdb=True, verbosity=0)
print(*run_checks())
User, login = get_user_model(), "alice@example.org"
name = {{User.USERNAME_FIELD: login}}
hashed = make_password({PASSWORD!r}, hasher="pbkdf2_sha256")
alice = User.objects.create(**name, password=hashed)
phone = open_session(alice, Device(label="phone"))
verified = authenticate(**name, password={PASSWORD!r})
print(verified.password.partition("$")[0])
verified.is_superuser = True
verified.save()
print(rotate(RefreshToken(str(phone.refresh))).session.generation)
verified.set_password("nine dry badgers")
verified.save()
print(DeviceSession.objects.get().revoked_reason)
credentials = {{"username": login, "password": "nine dry badgers"}}
print(APIClient().post("/login/", credentials, format="json").status_code)
"""


@pytest.mark.slow
@pytest.mark.trap(14)
@pytest.mark.parametrize("project", ["django_user", "email_user"])
def test_a_project_with_another_user_model_is_protected(project: str) -> None:
    """Guards the backend and the receiver: neither depends on the mixin."""
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": f"tests.support.{project}"}
    command = [sys.executable, "-c", ANOTHER_USER]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["scrypt", "2", "credentials_changed", "200"], done.stderr
