"""Simultaneous changes of roles all count; on SQLite, writers are never simultaneous."""

import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction

from accounts.models import User
from tests.conftest import API, row
from tests.support.racing import queue, race, refresh, sign_in
from tests.tokens.sessions.role_checks import read, rename, roles_in
from tokens.models import DeviceSession
from tokens.revocation import snapshot

pytestmark = pytest.mark.django_db(transaction=True)

waiting = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="no writer waits inside SQLite"
)


@waiting
@pytest.mark.trap(52)
def test_a_refresh_after_a_role_change_has_the_new_roles(alice: User, editors: Group) -> None:
    """Guards that `consume` compares both versions of the roles."""
    first = sign_in(alice)
    with queue() as line_up:
        alice.groups.add(editors)
        refreshing = line_up(lambda: refresh(first.refresh))
    outcome = refreshing.result(timeout=30)
    assert outcome.status == 200
    assert roles_in(outcome.access) == {"editors"}
    snapshot.revocations.invalidate()
    assert read({"access": outcome.access}).status_code == 200


@waiting
def test_a_sign_in_after_a_role_change_has_the_new_roles(alice: User, editors: Group) -> None:
    """Guards that the roles are read after the user's row is locked."""
    with queue() as line_up:
        alice.groups.add(editors)
        signing_in = line_up(lambda: sign_in(User.objects.get(pk=alice.pk)))
    outcome = signing_in.result(timeout=30)
    assert roles_in(outcome.access) == {"editors"}


@waiting
def test_a_role_change_after_a_sign_in_reaches_its_session(alice: User, editors: Group) -> None:
    """Guards that `bump_version` locks the users before it reads their sessions."""
    with queue() as line_up:
        outcome = sign_in(alice)
        changing = line_up(lambda: alice.groups.add(editors))
    changing.result(timeout=30)
    assert DeviceSession.objects.get().roles_version == 2
    snapshot.revocations.invalidate()
    assert read({"access": outcome.access}).json()["code"] == "rights_changed"


@waiting
def test_adding_and_removing_a_group_counts_twice(alice: User, editors: Group) -> None:
    """Guards that the user is locked before the lost roles are read."""
    sign_in(alice)
    with queue() as line_up:
        alice.groups.add(editors)
        taking = line_up(lambda: alice.groups.remove(editors))
    taking.result(timeout=30)
    assert not alice.groups.exists()
    assert DeviceSession.objects.get().roles_version == 3


@waiting
def test_a_rename_that_waited_for_another_one_counts(alice: User, editors: Group) -> None:
    """Guards the lock in `remember_group_name`: the second one gives the group its old name."""
    alice.groups.add(editors)
    stale = Group.objects.get(pk=editors.pk)
    sign_in(alice)

    def save() -> None:
        with transaction.atomic():
            stale.save()

    with queue() as line_up:
        rename(editors, "lectors")
        renaming = line_up(save)
    renaming.result(timeout=30)
    assert Group.objects.get().name == "editors"
    assert DeviceSession.objects.get().roles_version == 3


@pytest.mark.trap(56)
def test_simultaneous_changes_both_count(
    api: API, alice: User, editors: Group, authors: Group
) -> None:
    pair = api.login(alice)
    race(lambda: alice.groups.add(editors), lambda: alice.groups.add(authors))
    assert row(pair).roles_version == 3
    assert roles_in(api.rotated(pair["refresh"])["access"]) == {"editors", "authors"}
