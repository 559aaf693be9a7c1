"""A changed password or user name revokes the sessions that were bound to the old one."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from django.core.management import call_command
from django.db import transaction

from accounts.models import User
from tests.accounts.conftest import NEW_HASH, NEW_PASSWORD, AdminPages, by_name, execute_sql
from tests.conftest import API, HASHED, row
from tokens.models import DeviceSession, Reason
from tokens.sessions.lifecycle import Device, open_session

pytestmark = pytest.mark.django_db


def set_and_save(alice: User) -> None:
    alice.set_password(NEW_PASSWORD)
    alice.save()


def save_the_field(alice: User) -> None:
    alice.password = NEW_HASH
    alice.save(update_fields=["password"])


def save_where_it_was_not_loaded(alice: User) -> None:
    deferred = User.objects.only("email").get(pk=alice.pk)
    deferred.password = NEW_HASH
    deferred.save()


def save_an_instance_made_by_hand(alice: User) -> None:
    User(pk=alice.pk, username="alice", email=alice.email, password=NEW_HASH).save(
        force_update=True
    )


def update(alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(password=NEW_HASH)


def bulk_update(alice: User) -> None:
    alice.password = NEW_HASH
    User.objects.bulk_update([alice], ["password"])


def save_the_name(alice: User) -> None:
    alice.username = "alicia"
    alice.save()


def update_the_name(alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(username="alicia")


def set_unusable(alice: User) -> None:
    alice.set_unusable_password()
    alice.save()


WAYS = by_name(
    set_and_save,
    save_the_field,
    save_where_it_was_not_loaded,
    save_an_instance_made_by_hand,
    update,
    bulk_update,
    save_the_name,
    update_the_name,
    set_unusable,
)


@pytest.mark.trap(13)
@pytest.mark.spec("ASVS 5.0", "7.4.3")
@pytest.mark.parametrize("change", WAYS.values(), ids=WAYS)
def test_a_change_revokes_the_sessions_with_its_reason(
    api: API, alice: User, bob: User, change: Callable[[User], None]
) -> None:
    phone, laptop, other = api.login(alice, "phone"), api.login(alice, "laptop"), api.login(bob)
    change(alice)
    for pair in (phone, laptop):
        assert row(pair).revoked_reason == Reason.CREDENTIALS_CHANGED
        assert api.get("sessions/", bearer=pair["access"]).status_code == 401
        assert api.refresh(pair["refresh"]).status_code == 401
        assert row(pair).generation == 1
    assert row(other).revoked_at is None
    api.rotated(other["refresh"])


@pytest.mark.spec("ASVS 5.0", "7.4.3")
def test_the_admin_password_form_revokes_the_sessions(
    api: API, alice: User, bob: User, admin: AdminPages
) -> None:
    phone, other = api.login(alice), api.login(bob)
    form = {"usable_password": "true", "password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    assert admin.post(f"{alice.pk}/password/", **form).status_code == 302
    assert row(phone).revoked_reason == Reason.CREDENTIALS_CHANGED
    assert api.refresh(phone["refresh"]).status_code == 401
    assert row(other).revoked_at is None


def test_renaming_a_user_in_the_admin_revokes_the_sessions(
    api: API, alice: User, admin: AdminPages
) -> None:
    phone = api.login(alice)
    assert admin.change(alice, username="alicia").status_code == 302
    assert row(phone).revoked_reason == Reason.CREDENTIALS_CHANGED
    assert api.refresh(phone["refresh"]).status_code == 401


def test_the_admin_form_revokes_nothing_for_other_fields(
    api: API, alice: User, admin: AdminPages
) -> None:
    phone = api.login(alice)
    assert admin.change(alice, first_name="Alice").status_code == 302
    assert User.objects.get(username="alice").first_name == "Alice"
    api.rotated(phone["refresh"])


def test_the_changepassword_command_revokes_the_sessions(
    api: API, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone = api.login(alice)
    monkeypatch.setattr("getpass.getpass", lambda prompt: NEW_PASSWORD)
    call_command("changepassword", "alice", verbosity=0)
    assert User.objects.get().check_password(NEW_PASSWORD)
    assert row(phone).revoked_reason == Reason.CREDENTIALS_CHANGED
    assert api.refresh(phone["refresh"]).status_code == 401


@pytest.mark.trap(13)
@pytest.mark.spec("ASVS 5.0", "7.4.3")
@pytest.mark.parametrize(
    ("sql", "value"),
    [
        ("UPDATE accounts_user SET password = %s WHERE username = 'alice'", NEW_HASH),
        ("UPDATE accounts_user SET username = %s WHERE username = 'alice'", "alicia"),
    ],
    ids=["password", "user name"],
)
def test_a_change_by_sql_revokes_at_the_next_refresh(
    api: API, alice: User, bob: User, sql: str, value: str
) -> None:
    phone, other = api.login(alice), api.login(bob)
    execute_sql(sql, value)
    assert api.get("sessions/", bearer=phone["access"]).status_code == 401
    assert api.refresh(phone["refresh"]).status_code == 401
    assert row(phone).revoked_reason == Reason.CREDENTIALS_CHANGED
    api.rotated(other["refresh"])


def test_a_change_undone_by_sql_revives_no_session(api: API, alice: User) -> None:
    phone = api.login(alice)
    for stored in (NEW_HASH, HASHED):
        execute_sql("UPDATE accounts_user SET password = %s WHERE username = 'alice'", stored)
        assert api.refresh(phone["refresh"]).status_code == 401
    assert row(phone).revoked_reason == Reason.CREDENTIALS_CHANGED


def test_setting_the_same_password_revokes_the_sessions(api: API, alice: User) -> None:
    phone = api.login(alice)
    alice.set_password("seven wet otters")
    alice.save()
    assert row(phone).revoked_reason == Reason.CREDENTIALS_CHANGED


def test_saving_a_stale_instance_keeps_a_new_password(alice: User) -> None:
    stale = User.objects.get(pk=alice.pk)
    update(alice)
    stale.first_name = "Alice"
    stale.save()
    alice.refresh_from_db()
    assert (alice.password, alice.first_name) == (NEW_HASH, "Alice")


def test_saving_a_stale_instance_keeps_other_changes(alice: User) -> None:
    stale = User.objects.get(pk=alice.pk)
    User.objects.filter(pk=alice.pk).update(is_active=False, username="alicia")
    stale.first_name = "Alice"
    stale.save()
    alice.refresh_from_db()
    assert (alice.username, alice.is_active, alice.first_name) == ("alicia", False, "Alice")


@pytest.mark.parametrize(
    "other",
    [
        lambda alice: alice.save(update_fields=["last_login"]),
        lambda alice: alice.refresh_from_db(fields=["last_login"]),
    ],
    ids=["saved", "read"],
)
def test_a_new_password_survives_a_save_of_other_fields(
    api: API, alice: User, other: Callable[[User], None]
) -> None:
    phone = api.login(alice)
    alice.password = NEW_HASH
    other(alice)
    alice.save()
    assert User.objects.get().password == NEW_HASH
    assert row(phone).revoked_reason == Reason.CREDENTIALS_CHANGED


def test_a_reloaded_password_is_not_written(alice: User) -> None:
    stale = User.objects.get(pk=alice.pk)
    update(alice)
    stale.refresh_from_db(fields=["password"])
    User.objects.filter(pk=alice.pk).update(password=HASHED)
    stale.save()
    assert User.objects.get().password == HASHED


@pytest.mark.parametrize(
    "changes",
    [{"password": NEW_HASH}, {"username": "alicia"}, {"is_active": False}, {"is_staff": True}],
    ids=lambda changes: next(iter(changes)),
)
def test_a_change_saved_after_a_rollback_revokes_sessions(
    api: API, alice: User, changes: dict[str, Any]
) -> None:
    """Guards that a written value counts as loaded only once it is committed."""
    phone = api.login(alice)
    for name, value in changes.items():
        setattr(alice, name, value)
    with suppress(InterruptedError), transaction.atomic():
        alice.save()
        raise InterruptedError
    api.rotated(phone["refresh"])
    alice.first_name = "Alice"
    alice.save()
    assert User.objects.filter(first_name="Alice", **changes).exists()
    is_ended = row(phone).revoked_at is not None
    assert is_ended is ("is_staff" not in changes)  # No session depends on that field.


def test_a_second_save_keeps_a_session_opened_between(api: API, alice: User) -> None:
    with transaction.atomic():
        alice.password = NEW_HASH
        alice.save()
        pair = open_session(alice, Device(label="phone"))
        alice.first_name = "Alice"
        alice.save()
    assert pair
    assert DeviceSession.objects.get(sid=pair.session.sid).revoked_at is None
    assert User.objects.get().first_name == "Alice"


def test_a_user_can_be_saved_after_a_rolled_back_creation(db: None) -> None:
    dave = User(username="dave", password=HASHED)
    with suppress(InterruptedError), transaction.atomic():
        dave.save()
        raise InterruptedError
    dave.save()
    assert User.objects.get().password == HASHED


def test_saving_other_fields_revokes_nothing(api: API, alice: User) -> None:
    phone = api.login(alice)
    user = User.objects.get(pk=alice.pk)
    user.first_name, user.email, user.is_staff = "Alice", "alice@example.net", True
    user.save()
    user.save(update_fields=["last_name"])
    User.objects.filter(pk=alice.pk).update(last_name="Smith")
    assert row(phone).revoked_at is None
    api.rotated(phone["refresh"])


def test_the_new_password_signs_in_and_the_old_one_does_not(api: API, alice: User) -> None:
    update(alice)
    old = api.post("login/", {"username": "alice", "password": "seven wet otters"})
    new = api.post("login/", {"username": "alice", "password": NEW_PASSWORD})
    assert (old.status_code, new.status_code) == (401, 200)
    assert row(new.json()).revoked_at is None
