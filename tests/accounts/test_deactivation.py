"""A deactivation revokes every session of the user, and reactivation revives none."""

from collections.abc import Callable

import pytest

from accounts.models import User
from tests.accounts.conftest import AdminPages, by_name, execute_sql
from tests.conftest import API, PASSWORD, row
from tokens.models import DeviceSession, Reason

pytestmark = pytest.mark.django_db


def save(alice: User) -> None:
    alice.is_active = False
    alice.save()


def save_the_field(alice: User) -> None:
    alice.is_active = False
    alice.save(update_fields=["is_active"])


def update(alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(is_active=False)


def update_through_a_group(alice: User) -> None:
    group = alice.groups.create(name="writers")
    group.user_set.update(is_active=False)


def update_distinct(alice: User) -> None:
    User.objects.filter(pk=alice.pk, groups=None).distinct().update(is_active=False)


def bulk_update(alice: User) -> None:
    alice.is_active = False
    User.objects.bulk_update([alice], ["is_active"])


WAYS = by_name(save, save_the_field, update, update_through_a_group, update_distinct, bulk_update)


@pytest.mark.trap(20)
@pytest.mark.spec("ASVS 5.0", "7.4.2")
@pytest.mark.parametrize("deactivate", WAYS.values(), ids=WAYS)
def test_a_deactivation_revokes_the_sessions_for_good(
    api: API, alice: User, bob: User, deactivate: Callable[[User], None]
) -> None:
    phone, laptop, other = api.login(alice, "phone"), api.login(alice, "laptop"), api.login(bob)
    deactivate(alice)
    for pair in (phone, laptop):
        assert row(pair).revoked_reason == Reason.DEACTIVATED
        assert api.get("sessions/", bearer=pair["access"]).status_code == 401
        assert api.refresh(pair["refresh"]).status_code == 401
    User.objects.filter(pk=alice.pk).update(is_active=True)
    for pair in (phone, laptop):
        assert api.get("sessions/", bearer=pair["access"]).status_code == 401
        assert api.refresh(pair["refresh"]).status_code == 401
        assert row(pair).generation == 1
    api.login(alice)
    api.rotated(other["refresh"])


@pytest.mark.trap(20)
@pytest.mark.spec("ASVS 5.0", "7.4.2")
def test_deactivating_in_the_admin_revokes_the_sessions(
    api: API, alice: User, admin: AdminPages
) -> None:
    phone = api.login(alice)
    assert admin.change(alice, is_active=None).status_code == 302
    assert row(phone).revoked_reason == Reason.DEACTIVATED
    assert api.refresh(phone["refresh"]).status_code == 401
    alice.refresh_from_db()
    assert admin.change(alice, is_active="on").status_code == 302
    assert api.refresh(phone["refresh"]).status_code == 401
    assert api.get("sessions/", bearer=phone["access"]).status_code == 401
    api.login(alice)


@pytest.mark.trap(13)
@pytest.mark.spec("ASVS 5.0", "7.4.2")
def test_a_deactivation_by_sql_revokes_at_the_next_refresh(
    api: API, alice: User, bob: User
) -> None:
    phone, other = api.login(alice), api.login(bob)
    switch = "UPDATE accounts_user SET is_active = %s WHERE username = 'alice'"
    execute_sql(switch, False)
    assert api.get("sessions/", bearer=phone["access"]).status_code == 401
    assert api.refresh(phone["refresh"]).status_code == 401
    assert row(phone).revoked_reason == Reason.DEACTIVATED
    execute_sql(switch, True)
    assert api.refresh(phone["refresh"]).status_code == 401
    assert api.get("sessions/", bearer=phone["access"]).status_code == 401
    api.rotated(other["refresh"])


def test_an_inactive_user_opens_no_session(api: API, alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(is_active=False)
    answer = api.post("login/", {"username": "alice", "password": PASSWORD})
    assert answer.status_code == 401
    assert not DeviceSession.objects.exists()


def test_a_deactivation_survives_a_save_of_other_fields(api: API, alice: User) -> None:
    phone = api.login(alice)
    alice.is_active = False
    alice.save(update_fields=["last_name"])
    alice.save()
    assert not User.objects.get().is_active
    assert row(phone).revoked_reason == Reason.DEACTIVATED


def test_a_revoked_session_keeps_its_first_reason(api: API, alice: User) -> None:
    phone = api.login(alice)
    api.post("logout/", {"refresh": phone["refresh"]})
    before = row(phone)
    update(alice)
    assert row(phone).revoked_reason == Reason.LOGOUT
    assert row(phone).revoked_at == before.revoked_at
