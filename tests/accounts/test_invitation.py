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
from tests.support.staff import USERS, Staff
from tokens.models import Reason

pytestmark = pytest.mark.django_db


def invite(admin: AdminPages, *users: User) -> list[str]:
    """Choose the action for these users and return what the page says then."""
    chosen = [str(user.pk) for user in users]
    answer = admin.client.post(
        "/admin/accounts/user/",
        {"action": "send_invitation", "_selected_action": chosen},
        follow=True,
    )
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


def test_an_invitation_changes_nothing_until_it_is_followed(
    api: API, alice: User, admin: AdminPages
) -> None:
    phone = api.login(alice)
    invite(admin, alice)
    assert len(post_office()) == 1
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)
    assert row(phone).revoked_at is None


def test_an_invited_user_who_had_sessions_loses_them_by_choosing(
    api: API, account: Account, alice: User, admin: AdminPages
) -> None:
    phone = api.login(alice)
    invite(admin, alice)
    link = query_of(link_in(post_office()[0]))
    account.post("password/reset/confirm/", {**link, "new_password": NEW_PASSWORD})
    assert row(phone).revoked_reason == Reason.CREDENTIALS_CHANGED


def test_who_cannot_be_invited_is_counted_and_left_out(
    alice: User, bob: User, admin: AdminPages
) -> None:
    User.objects.filter(pk=bob.pk).update(is_active=False)
    said = invite(admin, alice, bob, admin.carol)
    assert said == [
        "Invitations on their way: 1.",
        "Left out, inactive or without an e-mail address: 2.",
    ]
    assert [message.to for message in post_office()] == [["alice@example.org"]]


def test_who_was_invited_has_it_in_their_history(alice: User, bob: User, admin: AdminPages) -> None:
    User.objects.filter(pk=bob.pk).update(is_active=False)
    invite(admin, alice, bob)
    entry = LogEntry.objects.get()
    assert (entry.object_id, entry.user) == (str(alice.pk), admin.carol)
    assert "Sent an invitation." in entry.get_change_message()
    assert "Sent an invitation." in admin.get(f"{alice.pk}/history/").content.decode()


def test_an_invitation_that_reaches_nobody_is_no_success(bob: User, admin: AdminPages) -> None:
    User.objects.filter(pk=bob.pk).update(email="")
    assert invite(admin, bob) == ["Left out, inactive or without an e-mail address: 1."]
    assert not LogEntry.objects.exists()


def test_who_was_deactivated_since_is_not_invited(alice: User, admin: AdminPages) -> None:
    invite(admin, alice)
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert post_office() == []


@pytest.mark.parametrize(
    "permissions",
    [("view_user",), ("view_user", "add_user", "delete_user")],
    ids=["view", "view, add and delete"],
)
def test_staff_without_change_user_invite_nobody(alice: User, permissions: tuple[str, ...]) -> None:
    dave = Staff("dave", *permissions)
    assert alice in dave.client.get(USERS).context["cl"].result_list
    said = dave.run(USERS, alice, action="send_invitation")
    assert not [text for text in said if "Invitations" in text]
    assert not LogEntry.objects.exists()
    assert post_office() == []


def test_staff_with_change_user_invite(alice: User) -> None:
    dave = Staff("dave", "change_user")
    assert dave.run(USERS, alice, action="send_invitation") == ["Invitations on their way: 1."]
    assert [message.to for message in post_office()] == [["alice@example.org"]]
