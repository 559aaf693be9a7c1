"""A deleted user is refused, and revoked sessions stay revoked: the rows outlive the user."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Permission
from django.db.models import Count

from accounts.models import User
from tests.accounts.conftest import AdminPages, by_name
from tests.conftest import API, PASSWORD, row
from tokens.models import BlacklistedToken, DeviceSession, Reason
from tokens.revocation.blacklist import blacklist

pytestmark = pytest.mark.django_db


def delete(alice: User) -> None:
    alice.delete()


def delete_a_set(alice: User) -> None:
    User.objects.filter(pk=alice.pk).delete()


def delete_a_distinct_set(alice: User) -> None:
    User.objects.filter(pk=alice.pk, groups=None).distinct().delete()


def delete_a_counted_set(alice: User) -> None:
    User.objects.annotate(devices=Count("device_sessions")).filter(devices=2).delete()


WAYS = by_name(delete, delete_a_set, delete_a_distinct_set, delete_a_counted_set)


def is_refused(api: API, pair: dict[str, str]) -> None:
    """Check that both tokens of the pair are refused and that the row still exists."""
    assert api.get("sessions/", bearer=pair["access"]).status_code == 401
    assert api.post("logout/all/", bearer=pair["access"]).status_code == 401
    assert api.post("verify/", {"token": pair["access"]}).status_code == 401
    assert api.refresh(pair["refresh"]).status_code == 401
    assert api.post("logout/", {"refresh": pair["refresh"]}).status_code == 204
    assert row(pair).user_id is None
    assert row(pair).revoked_reason == Reason.DELETED
    assert row(pair).generation == 1


@pytest.mark.trap(19, 53)
@pytest.mark.spec("ASVS 5.0", "7.4.2")
@pytest.mark.parametrize("delete", WAYS.values(), ids=WAYS)
def test_a_deletion_revokes_the_sessions_and_keeps_their_rows(
    api: API, alice: User, bob: User, delete: Callable[[User], None]
) -> None:
    phone, laptop, other = api.login(alice, "phone"), api.login(alice, "laptop"), api.login(bob)
    delete(alice)
    assert not User.objects.filter(username="alice").exists()
    is_refused(api, phone)
    is_refused(api, laptop)
    assert row(other).revoked_at is None


@pytest.mark.parametrize("delete", WAYS.values(), ids=WAYS)
def test_a_deletion_clears_the_addresses_of_the_sessions(
    api: API, alice: User, bob: User, delete: Callable[[User], None]
) -> None:
    active, revoked, other = api.login(alice, "phone"), api.login(alice, "laptop"), api.login(bob)
    api.rotated(active["refresh"])
    api.post("logout/", {"refresh": revoked["refresh"]})
    known = {"ip_address": "192.0.2.7", "rotated_from": "192.0.2.8", "user_agent": "curl/8.5.0"}
    DeviceSession.objects.update(device="phone", **known)
    delete(alice)
    for pair in (active, revoked):
        left = row(pair)
        forgotten = (left.device, left.ip_address, left.rotated_from, left.user_agent)
        assert forgotten == ("", None, None, "")
    assert row(revoked).revoked_reason == Reason.LOGOUT
    assert (row(other).device, row(other).user_agent) == ("phone", "curl/8.5.0")
    api.rotated(other["refresh"])


@pytest.mark.trap(19)
@pytest.mark.spec("ASVS 5.0", "7.4.2")
def test_the_admin_deletes_one_user(api: API, alice: User, bob: User, admin: AdminPages) -> None:
    phone, other = api.login(alice), api.login(bob)
    assert admin.post(f"{alice.pk}/delete/", post="yes").status_code == 302
    is_refused(api, phone)
    api.rotated(other["refresh"])


@pytest.mark.trap(19)
@pytest.mark.spec("ASVS 5.0", "7.4.2")
def test_the_admin_deletes_a_selection(api: API, alice: User, bob: User, admin: AdminPages) -> None:
    phone, laptop = api.login(alice), api.login(bob)
    chosen = [str(alice.pk), str(bob.pk)]
    answer = admin.post("", action="delete_selected", _selected_action=chosen, post="yes")
    assert answer.status_code == 302
    assert list(User.objects.all()) == [admin.carol]
    is_refused(api, phone)
    is_refused(api, laptop)


@pytest.mark.trap(19, 53)
@pytest.mark.spec("ASVS 5.0", "7.4.2")
def test_deleting_a_user_needs_no_permission_for_their_records(
    api: API, alice: User, bob: User, admin: AdminPages
) -> None:
    """Deleting users needs no permission for sessions and the blacklist."""
    phone, bobs = api.login(alice), api.login(bob)
    for pair in (phone, bobs):
        blacklist(pair["access"], Reason.ADMIN)
    admin.carol.is_superuser = False
    admin.carol.save()
    may = Permission.objects.filter(codename__in=("view_user", "delete_user"))
    admin.carol.user_permissions.set(may)
    shown = admin.get(f"{alice.pk}/delete/").content.decode()
    assert phone["session"] not in shown
    assert admin.post(f"{alice.pk}/delete/", post="yes").status_code == 302
    chosen = [str(bob.pk)]
    admin.post("", action="delete_selected", _selected_action=chosen, post="yes")
    assert list(User.objects.all()) == [admin.carol]
    is_refused(api, phone)
    is_refused(api, bobs)
    assert list(BlacklistedToken.objects.values_list("user", flat=True)) == [None, None]


def test_a_deletion_keeps_the_reason_of_a_revoked_session(api: API, alice: User) -> None:
    phone = api.login(alice)
    api.post("logout/", {"refresh": phone["refresh"]})
    alice.delete()
    assert row(phone).revoked_reason == Reason.LOGOUT
    assert row(phone).user_id is None
    assert api.refresh(phone["refresh"]).status_code == 401


@pytest.mark.spec("ASVS 5.0", "10.3.3")
def test_a_new_user_of_the_same_name_inherits_no_session(api: API, alice: User) -> None:
    phone, stored = api.login(alice), alice.password
    alice.delete()
    twin = User.objects.create(username="alice", email="alice@example.org", password=stored)
    is_refused(api, phone)
    api.login(twin)
    assert DeviceSession.objects.active().count() == 1


def test_a_deleted_user_cannot_sign_in(api: API, alice: User) -> None:
    alice.delete()
    answer = api.post("login/", {"username": "alice", "password": PASSWORD})
    assert answer.status_code == 401
    assert not DeviceSession.objects.exists()
