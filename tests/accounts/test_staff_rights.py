"""Staff users cannot grant a right that they lack."""

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission

from accounts.models import User
from tests.accounts.conftest import NEW_PASSWORD
from tests.conftest import HASHED
from tests.support.staff import (
    MAY,
    USERS,
    Staff,
    make_privileged,
    permission,
)

pytestmark = pytest.mark.django_db


def rights(user: User) -> tuple[Any, ...]:
    user = User.objects.get(pk=user.pk)
    return user.is_staff, user.is_superuser, {*user.groups.all()}, {*user.user_permissions.all()}


@pytest.mark.spec("ASVS 5.0", "8.2.3")
@pytest.mark.parametrize("own", [False, True], ids=["another", "themselves"])
@pytest.mark.trap(95)
def test_staff_cannot_grant_a_right_that_they_lack(dave: Staff, alice: User, *, own: bool) -> None:
    keepers = Group.objects.create(name="key keepers")
    keepers.permissions.add(permission("change_signingkey"))
    editors = Group.objects.create(name="editors")
    user = dave.user if own else alice
    before = rights(user)
    for field, value, status in (
        ("is_staff", None if own else "on", 302),
        ("is_superuser", "on", 302),
        ("groups", [keepers.pk], 200),
        ("groups", [editors.pk], 200),
        ("user_permissions", [permission("change_signingkey").pk], 200),
    ):
        assert dave.save(user, **{field: value}).status_code == status, field
        assert rights(user) == before, field


def test_staff_grant_and_remove_the_rights_that_they_have(dave: Staff, alice: User) -> None:
    helpers = Group.objects.create(name="helpers")
    helpers.permissions.add(permission("delete_devicesession"))
    dave.user.groups.add(helpers)
    granted = [permission("change_user"), permission("delete_devicesession")]
    assert (
        dave.save(alice, groups=[helpers.pk], user_permissions=[held.pk for held in granted])
    ).status_code == 302
    assert rights(alice) == (False, False, {helpers}, {*granted})
    assert dave.save(alice, first_name="Alice").status_code == 302
    assert rights(alice) == (False, False, {helpers}, {*granted})
    assert dave.save(alice, groups=[], user_permissions=[]).status_code == 302
    assert rights(alice) == (False, False, set(), set())


def test_the_form_offers_the_rights_that_the_staff_user_has(dave: Staff, alice: User) -> None:
    helpers = Group.objects.create(name="helpers")
    Group.objects.create(name="editors")
    dave.user.groups.add(helpers)
    form = dave.client.get(f"{USERS}{alice.pk}/change/").context["adminform"].form
    assert {*form.fields["groups"].queryset} == {helpers}
    offered = form.fields["user_permissions"].queryset.values_list("codename", flat=True)
    assert sorted(offered) == sorted(MAY)
    assert not {"is_staff", "is_superuser"} & {*form.fields}
    User.objects.filter(pk=dave.user.pk).update(is_superuser=True)
    form = dave.client.get(f"{USERS}{alice.pk}/change/").context["adminform"].form
    assert form.fields["groups"].queryset.count() == 2
    assert form.fields["user_permissions"].queryset.count() == Permission.objects.count()
    assert {"is_staff", "is_superuser"} <= {*form.fields}


def test_a_new_user_has_no_rights(dave: Staff) -> None:
    editors = Group.objects.create(name="editors")
    password = {"usable_password": "true", "password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    wished = {
        "is_staff": "on",
        "is_superuser": "on",
        "groups": [editors.pk],
        "user_permissions": [permission("change_signingkey").pk],
    }
    fields = {"username": "mallory", **password, **wished}
    assert dave.post(f"{USERS}add/", fields).status_code == 302
    again = {**fields, "username": "mallory2", "_saveasnew": "1"}
    assert dave.post(f"{USERS}{dave.user.pk}/change/", again).status_code == 302
    for name in ("mallory", "mallory2"):
        assert rights(User.objects.get(username=name)) == (False, False, set(), set())


def test_adding_a_user_needs_both_permissions() -> None:
    """Django's page requires both permissions, and so must "save as new"."""
    eve = Staff("eve", "add_user", "view_user")
    password = {"usable_password": "true", "password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    fields = {"username": "mallory", **password, "_saveasnew": "1"}
    assert eve.post(f"{USERS}{eve.user.pk}/change/", fields).status_code == 403
    assert not User.objects.filter(username="mallory").exists()


def test_staff_may_view_accounts_with_more_rights(dave: Staff) -> None:
    for user in make_privileged():
        page = dave.client.get(f"{USERS}{user.pk}/change/")
        assert page.status_code == 200
        assert "You cannot change this user, because it has rights" in page.text
        assert "A password is set." in page.text
        assert 'name="_save"' not in page.text
        assert "../password/" not in page.text
        assert HASHED.rpartition("$")[2] not in page.text
        assert dave.client.get(f"{USERS}{user.pk}/history/").status_code == 200
        for asking in ("delete", "password"):
            assert dave.client.get(f"{USERS}{user.pk}/{asking}/").status_code == 403
