"""Staff users grant no right that they lack, and manage no account that has one."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission

from accounts.models import User
from tests.accounts.conftest import NEW_PASSWORD, post_office
from tests.conftest import HASHED
from tests.support.staff import (
    BLACKLIST,
    GROUPS,
    SESSIONS,
    USERS,
    Staff,
    everything,
    make_privileged,
    permission,
)
from tokens.jwt.claims import Pair
from tokens.models import BlacklistedToken, DeviceSession
from tokens.sessions.lifecycle import Device, open_session

pytestmark = pytest.mark.django_db

MAY = (
    *("view_user", "add_user", "change_user", "delete_user"),
    *("view_group", "add_group", "change_group", "delete_group"),
    *("view_devicesession", "change_devicesession", "add_blacklistedtoken"),
)


@pytest.fixture
def dave(db: None) -> Staff:
    return Staff("dave", *MAY)


def sign_in(user: User) -> Pair:
    """Return the first pair of a new session of this user, even if the user is inactive."""
    active = user.is_active
    User._base_manager.filter(pk=user.pk).update(is_active=True)
    pair = open_session(user, Device(label="laptop"))
    assert pair is not None
    User._base_manager.filter(pk=user.pk).update(is_active=active)
    return pair


def change_a_name(dave: Staff, user: User) -> int:
    return int(dave.save(user, first_name="Mallory").status_code)


def change_the_e_mail_address(dave: Staff, user: User) -> int:
    return int(dave.save(user, email="dave+1@example.org").status_code)


def change_the_user_name(dave: Staff, user: User) -> int:
    return int(dave.save(user, username="mallory").status_code)


def change_whether_active(dave: Staff, user: User) -> int:
    return int(dave.save(user, is_active=None if user.is_active else "on").status_code)


def set_a_password(dave: Staff, user: User) -> int:
    fields = {"usable_password": "true", "password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    return int(dave.post(f"{USERS}{user.pk}/password/", fields).status_code)


def take_the_password_away(dave: Staff, user: User) -> int:
    fields = {"usable_password": "false", "unset-password": "Disable password"}
    return int(dave.post(f"{USERS}{user.pk}/password/", fields).status_code)


def delete_on_the_page(dave: Staff, user: User) -> int:
    return int(dave.post(f"{USERS}{user.pk}/delete/", {"post": "yes"}).status_code)


PAGES: tuple[Callable[[Staff, User], int], ...] = (
    change_a_name,
    change_the_e_mail_address,
    change_the_user_name,
    change_whether_active,
    set_a_password,
    take_the_password_away,
    delete_on_the_page,
)


@pytest.mark.spec("ASVS 5.0", "8.2.2")
def test_no_page_changes_an_account_with_more_rights(dave: Staff) -> None:
    users = make_privileged()
    before = everything()
    for user in users:
        for page in PAGES:
            assert page(dave, user) == 403, (page, user)
            assert everything() == before, (page, user)


@pytest.mark.parametrize("is_superuser", [False, True], ids=["without", "superusers, with"])
def test_the_same_pages_change_an_account(dave: Staff, *, is_superuser: bool) -> None:
    """The pages that refuse accounts with more rights accept the same posts for others."""
    User.objects.filter(pk=dave.user.pk).update(is_superuser=is_superuser)
    for n, page in enumerate(PAGES):
        user = User.objects.create(username=f"eve-{n}", is_superuser=is_superuser, password=HASHED)
        user.user_permissions.add(permission("change_user"))
        before = User.objects.values().get(pk=user.pk)
        assert page(dave, user) == 302, page
        assert User.objects.values().filter(pk=user.pk).first() != before, page


ACTIONS: dict[str, dict[str, str]] = {
    "end their sessions": {"action": "end_sessions"},
    "invite them": {"action": "send_invitation"},
    "ask to delete them": {"action": "delete_selected"},
    "delete them": {"action": "delete_selected", "post": "yes"},
    "delete the whole list": {"action": "delete_selected", "post": "yes", "select_across": "1"},
}


@pytest.mark.spec("ASVS 5.0", "8.2.2")
def test_no_action_changes_accounts_with_more_rights(dave: Staff) -> None:
    users = make_privileged()
    before = everything()
    for name, fields in ACTIONS.items():
        said = dave.run(f"{USERS}?q=eve", *users, **fields)
        assert everything() == before, name
        assert said[0].startswith("Left out, because they have rights that you do not have: eve.a")
        assert said[0].endswith("and 1 more."), name
    asked = {"action": "delete_selected", "_selected_action": [str(users[0].pk)]}
    assert dave.post(USERS, asked).status_code == 302  # Nothing is left to confirm.


@pytest.mark.parametrize(
    ("permissions", "offered"),
    [
        ({"view_user"}, set()),
        ({"view_user", "add_user", "delete_user"}, {"delete_selected"}),
        ({"change_user"}, {"end_sessions", "send_invitation"}),
    ],
    ids=["view", "add and delete", "change"],
)
def test_an_action_needs_its_permission(
    alice: User, permissions: set[str], offered: set[str]
) -> None:
    open_session(alice, Device(label="phone"))
    erin = Staff("erin", *permissions)
    form = erin.client.get(USERS).context["action_form"]
    actions = {action for action, _ in form.fields["action"].choices if action} if form else set()
    assert actions == offered
    before = everything()
    for action in {"end_sessions", "send_invitation", "delete_selected"} - offered:
        erin.run(USERS, alice, action=action, post="yes")
        assert everything() == before, action


def test_an_action_leaves_some_accounts_out_and_changes_the_others(
    dave: Staff, alice: User, bob: User
) -> None:
    User.objects.filter(pk=bob.pk).update(is_superuser=True)
    hers, his = sign_in(alice).session, sign_in(bob).session
    left_out = "Left out, because they have rights that you do not have: bob."
    assert dave.run(USERS, alice, bob, action="end_sessions") == [left_out, "Sessions ended: 1."]
    assert set(DeviceSession.objects.exclude(revoked_at=None)) == {hers}
    assert dave.run(USERS, alice, bob, action="send_invitation") == [
        left_out,
        "Invitations on their way: 1.",
    ]
    assert [message.to for message in post_office()] == [["alice@example.org"]]
    assert {entry.object_id for entry in LogEntry.objects.all()} == {str(alice.pk)}
    asked = dave.post(
        USERS, {"action": "delete_selected", "_selected_action": [str(alice.pk), str(bob.pk)]}
    )
    assert [str(message) for message in asked.context["messages"]] == [left_out]
    assert [user.username for user in asked.context["queryset"]] == ["alice"]
    said = dave.run(USERS, alice, bob, action="delete_selected", post="yes")
    assert said == [left_out, "Successfully deleted 1 user."]
    assert set(User.objects.all()) == {bob, dave.user}
    assert DeviceSession.objects.get(pk=his.pk).revoked_at is None


@pytest.mark.spec("ASVS 5.0", "8.2.2")
def test_no_action_ends_a_session_of_an_account_with_more_rights(dave: Staff, alice: User) -> None:
    hers = sign_in(alice).session
    sessions = [DeviceSession.objects.get(user=user) for user in make_privileged()]
    before = everything()
    assert dave.run(SESSIONS, *sessions, action="end")[-1] == "Sessions ended: 0."
    assert everything() == before
    said = dave.run(SESSIONS, hers, *sessions, action="end")
    assert said[0].startswith("Left out, because they have rights that you do not have: eve.a")
    assert said[1:] == ["Sessions ended: 1."]
    assert set(DeviceSession.objects.exclude(revoked_at=None)) == {hers}


def test_a_session_without_a_user_is_left_out_of_no_action(dave: Staff, alice: User) -> None:
    session = sign_in(alice).session
    DeviceSession.objects.filter(pk=session.pk).update(user=None)
    assert dave.run(SESSIONS, session, action="end") == ["Sessions ended: 1."]


@pytest.mark.spec("ASVS 5.0", "8.2.2")
@pytest.mark.parametrize("kind", ["access", "refresh"])
def test_nobody_blacklists_a_token_of_an_account_with_more_rights(dave: Staff, kind: str) -> None:
    pairs = [sign_in(user) for user in make_privileged()]
    before = everything()
    for pair in pairs:
        answer = dave.post(f"{BLACKLIST}add/", {"token": str(getattr(pair, kind))})
        assert answer.status_code == 200
        assert "belongs to an account that has rights that you do not have." in answer.text
        assert everything() == before
    User.objects.filter(pk=dave.user.pk).update(is_superuser=True)
    for pair in pairs:
        answer = dave.post(f"{BLACKLIST}add/", {"token": str(getattr(pair, kind))})
        assert answer.status_code == 302
    ended = DeviceSession.objects.exclude(revoked_at=None).count()
    assert BlacklistedToken.objects.count() + ended == len(pairs)


def rights(user: User) -> tuple[Any, ...]:
    user = User.objects.get(pk=user.pk)
    return user.is_staff, user.is_superuser, {*user.groups.all()}, {*user.user_permissions.all()}


@pytest.mark.spec("ASVS 5.0", "8.2.3")
@pytest.mark.parametrize("own", [False, True], ids=["another", "themselves"])
@pytest.mark.trap(95)
def test_nobody_grants_a_right_that_they_lack(dave: Staff, alice: User, *, own: bool) -> None:
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


def test_staff_grant_and_take_away_the_rights_that_they_have(dave: Staff, alice: User) -> None:
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


def test_adding_a_user_takes_both_permissions() -> None:
    """Django's page asks for both; a user must not be added by "save as new" with one either."""
    eve = Staff("eve", "add_user", "view_user")
    password = {"usable_password": "true", "password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    fields = {"username": "mallory", **password, "_saveasnew": "1"}
    assert eve.post(f"{USERS}{eve.user.pk}/change/", fields).status_code == 403
    assert not User.objects.filter(username="mallory").exists()


def test_staff_may_look_at_accounts_with_more_rights(dave: Staff) -> None:
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


# Groups


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


def test_staff_create_a_group_only_with_permissions_that_they_have(dave: Staff) -> None:
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
