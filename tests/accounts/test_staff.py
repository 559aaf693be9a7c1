"""Staff users cannot manage an account that has a right which they lack."""

from collections.abc import Callable

import pytest
from django.contrib.admin.models import LogEntry

from accounts.models import User
from tests.accounts.conftest import NEW_PASSWORD, post_office
from tests.conftest import HASHED
from tests.support.staff import (
    BLACKLIST,
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
def test_the_same_pages_change_other_accounts(dave: Staff, *, is_superuser: bool) -> None:
    """The pages that refuse accounts with more rights accept the same posts for others."""
    User.objects.filter(pk=dave.user.pk).update(is_superuser=is_superuser)
    for n, page in enumerate(PAGES):
        user = User.objects.create(username=f"eve-{n}", is_superuser=is_superuser, password=HASHED)
        user.user_permissions.add(permission("change_user"))
        before = User.objects.values().get(pk=user.pk)
        assert page(dave, user) == 302, page
        assert User.objects.values().filter(pk=user.pk).first() != before, page


FOR_CHANGE = {"revoke_sessions", "send_invitation", "deactivate"}
ACTIONS: dict[str, dict[str, str]] = {
    "revoke their sessions": {"action": "revoke_sessions"},
    "invite them": {"action": "send_invitation"},
    "deactivate them": {"action": "deactivate"},
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
    assert dave.post(USERS, asked).status_code == 302  # There is nothing to confirm.


@pytest.mark.parametrize(
    ("permissions", "offered"),
    [
        ({"view_user"}, set()),
        ({"view_user", "add_user", "delete_user"}, {"delete_selected"}),
        ({"change_user"}, FOR_CHANGE),
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
    for action in {*FOR_CHANGE, "delete_selected"} - offered:
        erin.run(USERS, alice, action=action, post="yes")
        assert everything() == before, action


def test_an_action_skips_some_accounts_and_changes_the_others(
    dave: Staff, alice: User, bob: User
) -> None:
    User.objects.filter(pk=bob.pk).update(is_superuser=True)
    hers, his = sign_in(alice).session, sign_in(bob).session
    left_out = "Left out, because they have rights that you do not have: bob."
    assert dave.run(USERS, alice, bob, action="revoke_sessions") == [
        left_out,
        "Sessions revoked: 1.",
    ]
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
def test_no_action_revokes_sessions_of_users_with_more_rights(dave: Staff, alice: User) -> None:
    hers = sign_in(alice).session
    sessions = [DeviceSession.objects.get(user=user) for user in make_privileged()]
    before = everything()
    assert dave.run(SESSIONS, *sessions, action="revoke")[-1] == "Sessions revoked: 0."
    assert everything() == before
    said = dave.run(SESSIONS, hers, *sessions, action="revoke")
    assert said[0].startswith("Left out, because they have rights that you do not have: eve.a")
    assert said[1:] == ["Sessions revoked: 1."]
    assert set(DeviceSession.objects.exclude(revoked_at=None)) == {hers}


def test_actions_include_sessions_without_a_user(dave: Staff, alice: User) -> None:
    session = sign_in(alice).session
    DeviceSession.objects.filter(pk=session.pk).update(user=None)
    assert dave.run(SESSIONS, session, action="revoke") == ["Sessions revoked: 1."]


@pytest.mark.spec("ASVS 5.0", "8.2.2")
@pytest.mark.parametrize("kind", ["access", "refresh"])
def test_blacklisting_tokens_of_users_with_more_rights_fails(dave: Staff, kind: str) -> None:
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
