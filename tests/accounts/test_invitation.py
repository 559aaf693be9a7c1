"""An administrator creates users and invites them: they choose the password themselves."""

import pytest
from django.contrib.admin.models import LogEntry

from accounts.models import User
from tests.accounts.conftest import (
    NEW_PASSWORD,
    Account,
    AdminPages,
    link_in,
    post_office,
    query_of,
)
from tests.conftest import API, PASSWORD, row
from tests.support.staff import USERS, Staff, confirm
from tokens.models import Reason

pytestmark = pytest.mark.django_db


def invite(admin: AdminPages, *users: User) -> list[str]:
    """Run the action on these users and return the message of the page."""
    chosen = [str(user.pk) for user in users]
    fields = {"action": "send_invitation", "_selected_action": chosen}
    answer = confirm(admin.client, USERS, fields)
    return [str(message) for message in answer.context["messages"]]


@pytest.mark.spec("ASVS 5.0", "6.4.1")
def test_an_invited_user_without_a_password_chooses_one(
    api: API, account: Account, admin: AdminPages
) -> None:
    admin.post("add/", username="dave", usable_password="false")
    dave = User.objects.get(username="dave")
    assert not dave.has_usable_password()
    assert admin.change(dave, email="dave@example.org").status_code == 302
    assert invite(admin, dave)[-1] == "Invitations on their way: 1."
    notice, message = post_office()
    assert notice.subject == "An administrator changed your account"
    assert message.to == ["dave@example.org"]
    assert "dave" in message.body
    link = query_of(link_in(message))
    body = {**link, "new_password": NEW_PASSWORD}
    assert account.post("password/reset/confirm/", body).status_code == 204
    assert account.post("password/reset/confirm/", body).json()["code"] == "invalid_link"
    assert api.post("login/", {"username": "dave", "password": NEW_PASSWORD}).status_code == 200


def test_an_invited_user_with_a_password_reads_what_a_new_one_does(
    alice: User, bob: User, admin: AdminPages
) -> None:
    bob.set_unusable_password()
    bob.save()
    invite(admin, alice, bob)
    old, new = (str(message.body) for message in post_office())
    assert "asks you to choose a new password for the account alice" in old
    assert "a new password signs every device out" in old
    assert "An administrator created an account for you" in new
    assert "An administrator created an account for you" not in old


def test_an_invitation_changes_nothing_until_its_link_is_used(
    api: API, alice: User, admin: AdminPages
) -> None:
    phone = api.login(alice)
    invite(admin, alice)
    assert len(post_office()) == 1
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)
    assert row(phone).revoked_at is None


def test_choosing_a_password_revokes_the_old_sessions(
    api: API, account: Account, alice: User, admin: AdminPages
) -> None:
    phone = api.login(alice)
    invite(admin, alice)
    link = query_of(link_in(post_office()[0]))
    account.post("password/reset/confirm/", {**link, "new_password": NEW_PASSWORD})
    assert row(phone).revoked_reason == Reason.CREDENTIALS_CHANGED


def test_users_who_cannot_be_invited_are_counted(alice: User, bob: User, admin: AdminPages) -> None:
    User.objects.filter(pk=bob.pk).update(is_active=False)
    said = invite(admin, alice, bob, admin.carol)
    assert said == [
        "Invitations on their way: 1.",
        "Left out, inactive or without an e-mail address: 2.",
    ]
    assert [message.to for message in post_office()] == [["alice@example.org"]]


def test_an_invitation_is_in_the_history_of_the_user(
    alice: User, bob: User, admin: AdminPages
) -> None:
    User.objects.filter(pk=bob.pk).update(is_active=False)
    invite(admin, alice, bob)
    entry = LogEntry.objects.get()
    assert (entry.object_id, entry.user) == (str(alice.pk), admin.carol)
    assert "Sent an invitation." in entry.get_change_message()
    assert "Sent an invitation." in admin.get(f"{alice.pk}/history/").content.decode()


def test_an_invitation_without_recipients_is_a_warning(bob: User, admin: AdminPages) -> None:
    User.objects.filter(pk=bob.pk).update(email="")
    assert invite(admin, bob) == ["Left out, inactive or without an e-mail address: 1."]
    assert not LogEntry.objects.exists()


def test_a_deactivated_user_gets_no_queued_invitation(alice: User, admin: AdminPages) -> None:
    invite(admin, alice)
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert post_office() == []


@pytest.mark.parametrize(
    "permissions",
    [("view_user",), ("view_user", "add_user", "delete_user")],
    ids=["view", "view, add and delete"],
)
def test_staff_without_change_user_cannot_invite(alice: User, permissions: tuple[str, ...]) -> None:
    dave = Staff("dave", *permissions)
    assert alice in dave.client.get(USERS).context["cl"].result_list
    said = dave.run(USERS, alice, action="send_invitation")
    assert not [text for text in said if "Invitations" in text]
    assert not LogEntry.objects.exists()
    assert post_office() == []


def test_staff_with_change_user_can_invite(alice: User) -> None:
    dave = Staff("dave", "change_user")
    assert dave.run(USERS, alice, action="send_invitation") == ["Invitations on their way: 1."]
    assert [message.to for message in post_office()] == [["alice@example.org"]]
