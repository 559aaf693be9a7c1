"""Staff users change only groups whose members and permissions they may manage."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group

from accounts.models import User
from tests.support.staff import GROUPS, USERS, Staff, everything, permission

pytestmark = pytest.mark.django_db


def group_of(dave: Staff, *members: User, name: str = "helpers") -> Group:
    """Return a group that dave is in, and these users with him."""
    group = Group.objects.create(name=name)
    group.user_set.set([dave.user, *members])
    return group


def save_group(dave: Staff, group: Group, **fields: Any) -> int:
    return int(dave.post(f"{GROUPS}{group.pk}/change/", {"name": group.name, **fields}).status_code)


def a_group_with_another_permission(dave: Staff, bob: User) -> Group:
    group = group_of(dave)
    dave.user.groups.clear()
    group.permissions.add(permission("change_signingkey"))
    return group


def a_group_with_a_superuser(dave: Staff, bob: User) -> Group:
    User.objects.filter(pk=bob.pk).update(is_superuser=True)
    return group_of(dave, bob)


def a_group_with_a_member_with_more_rights(dave: Staff, bob: User) -> Group:
    bob.user_permissions.add(permission("change_signingkey"))
    return group_of(dave, bob)


def a_group_of_others(dave: Staff, bob: User) -> Group:
    group = group_of(dave, bob)
    dave.user.groups.clear()
    return group


FOREIGN = {
    make.__name__.replace("_", " "): make
    for make in (
        a_group_with_another_permission,
        a_group_with_a_superuser,
        a_group_with_a_member_with_more_rights,
        a_group_of_others,
    )
}


@pytest.mark.spec("ASVS 5.0", "8.2.2")
@pytest.mark.parametrize("make", FOREIGN.values(), ids=FOREIGN)
def test_staff_do_not_change_or_delete(
    dave: Staff, bob: User, make: Callable[[Staff, User], Group]
) -> None:
    group = make(dave, bob)
    before = everything()
    assert save_group(dave, group, permissions=[permission("change_user").pk]) == 403
    assert dave.post(f"{GROUPS}{group.pk}/delete/", {"post": "yes"}).status_code == 403
    said = dave.run(GROUPS, group, action="delete_selected", post="yes")
    assert said == ["Left out, because they have rights that you do not have: helpers."]
    assert everything() == before
    page = dave.client.get(f"{GROUPS}{group.pk}/change/")
    assert "You cannot change this group, because it has rights" in page.text


@pytest.mark.spec("ASVS 5.0", "8.2.3")
def test_staff_give_a_group_only_permissions_that_they_have(dave: Staff, alice: User) -> None:
    group = group_of(dave, alice)
    group.permissions.add(permission("view_user"))
    refused = [permission("view_user").pk, permission("change_signingkey").pk]
    assert save_group(dave, group, permissions=refused) == 200
    assert {*group.permissions.all()} == {permission("view_user")}
    assert save_group(dave, group, permissions=[permission("change_user").pk]) == 302
    assert {*group.permissions.all()} == {permission("change_user")}


def test_staff_create_groups_only_with_their_own_permissions(dave: Staff) -> None:
    for name, status in {"change_signingkey": 200, "change_user": 302}.items():
        fields = {"name": "helpers", "permissions": [permission(name).pk]}
        assert dave.post(f"{GROUPS}add/", fields).status_code == status
        assert Group.objects.exists() is (status == 302)
    assert {*Group.objects.get().permissions.all()} == {permission("change_user")}


def test_only_a_superuser_renames_a_group(dave: Staff, alice: User) -> None:
    """The name is a role: a new one would be a new right for every member."""
    group = group_of(dave, alice)
    assert save_group(dave, group, name="editors") == 302
    assert Group.objects.get().name == "helpers"
    User.objects.filter(pk=dave.user.pk).update(is_superuser=True)
    assert save_group(dave, group, name="editors") == 302
    assert Group.objects.get().name == "editors"


def test_staff_delete_a_group_whose_members_they_may_manage(dave: Staff, alice: User) -> None:
    group, other = group_of(dave, alice), Group.objects.create(name="empty")
    said = dave.run(GROUPS, other, action="delete_selected", post="yes")
    assert said == ["Successfully deleted 1 group."]
    assert dave.post(f"{GROUPS}{group.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not Group.objects.exists()


def test_a_list_of_groups_does_not_reveal_members(dave: Staff, alice: User) -> None:
    group_of(dave, alice)
    dave.user.user_permissions.set([permission("view_group")])
    assert dave.client.get(USERS).status_code == 403
    for query in (f"user__exact={alice.pk}", f"name=helpers&user__gte={alice.pk}"):
        assert dave.client.get(f"{GROUPS}?{query}").status_code == 400


@pytest.mark.parametrize(("words", "count"), [("HELP", 1), ("pers hel", 1), ("helpers x", 0)])
def test_staff_search_groups_by_words(dave: Staff, words: str, count: int) -> None:
    group_of(dave)
    answer = dave.client.get(GROUPS, {"q": words, "o": "1"})
    assert answer.context["cl"].result_count == count
