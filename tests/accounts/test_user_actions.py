"""An administrator invites, signs out and deactivates many users, and sees the numbers first."""

import re

import pytest
from django.contrib.admin.models import LogEntry

from accounts.models import User
from tests.accounts.conftest import AdminPages, post_office
from tests.conftest import API, HASHED, row
from tests.support.staff import everything
from tokens.models import Reason

pytestmark = pytest.mark.django_db

NUMBERS = {
    "send_invitation": [
        "2 users get a mail",
        "2 of them have a password, and a new one signs every device out",
        "Left out, inactive or without an e-mail address: 1.",
    ],
    "revoke_sessions": ["3 users", "2 active sessions end"],
    "deactivate": [
        "2 users",
        "2 active sessions end",
        "Left out, inactive, yourself or not yours to manage: 1.",
    ],
}


@pytest.fixture
def chosen(api: API, alice: User, bob: User) -> list[User]:
    """Alice, with two sessions, bob, and the inactive user dave."""
    api.login(alice)
    api.login(alice)
    dave = User.objects.create(username="dave", password=HASHED, is_active=False)
    return [alice, bob, dave]


def choose(admin: AdminPages, action: str, users: list[User], **more: str) -> str:
    """Post the action for these users, and return the page or the next page."""
    rows = [str(user.pk) for user in users]
    answer = admin.client.post(
        "/admin/accounts/user/",
        {"action": action, "_selected_action": rows, **more},
        follow=True,
    )
    assert answer.status_code == 200
    return str(answer.content.decode())


def digest_in(preview: str) -> str:
    (found,) = re.findall(r'name="confirmed" value="(\w+)"', preview)
    return str(found)


def test_a_confirmation_is_for_the_users_of_the_preview_only(
    api: API, admin: AdminPages, alice: User, bob: User
) -> None:
    confirmed = digest_in(choose(admin, "deactivate", [alice]))
    page = choose(admin, "deactivate", [alice, bob], confirmed=confirmed)
    assert "<li>2 users</li>" in page
    assert "<li>alice</li>\n<li>bob</li>\n</ul>" in page
    assert User.objects.filter(is_active=True).count() == 3


def test_the_preview_says_that_you_sign_yourself_out(admin: AdminPages, alice: User) -> None:
    assert "yourself out" not in choose(admin, "revoke_sessions", [alice])
    assert "You sign yourself out as well." in choose(
        admin, "revoke_sessions", [alice, admin.carol]
    )


@pytest.mark.parametrize("action", NUMBERS)
def test_a_preview_shows_the_numbers_and_changes_nothing(
    admin: AdminPages, chosen: list[User], action: str
) -> None:
    before = everything()
    page = choose(admin, action, chosen)
    for number in NUMBERS[action]:
        assert f"<li>{number}</li>" in page
    assert everything() == before
    assert post_office() == []


@pytest.mark.parametrize(
    ("action", "message"),
    [
        ("send_invitation", "Left out, inactive or without an e-mail address: 1."),
        ("deactivate", "Left out, inactive, yourself or not yours to manage: 1."),
    ],
)
def test_an_action_that_would_change_nobody_has_no_preview(
    admin: AdminPages, chosen: list[User], action: str, message: str
) -> None:
    page = choose(admin, action, chosen[-1:])
    assert message in page
    assert "Confirm" not in page


def test_the_preview_repeats_the_choice(admin: AdminPages, chosen: list[User]) -> None:
    page = choose(admin, "deactivate", chosen, select_across="1")
    fields = {"action": "deactivate", "select_across": "1"}
    for name, value in (*fields.items(), *(("_selected_action", user.pk) for user in chosen)):
        assert f'<input type="hidden" name="{name}" value="{value}">' in page


def test_a_confirmed_deactivation_ends_the_sessions(
    api: API, admin: AdminPages, alice: User, bob: User
) -> None:
    phone, bobs = api.login(alice), api.login(bob)
    preview = choose(admin, "deactivate", [alice, admin.carol])
    page = choose(admin, "deactivate", [alice, admin.carol], confirmed=digest_in(preview))
    assert "Users deactivated: 1." in page
    assert not User.objects.get(pk=alice.pk).is_active
    assert User.objects.get(pk=admin.carol.pk).is_active
    assert row(phone).revoked_reason == Reason.DEACTIVATED
    api.rotated(bobs["refresh"])
    assert LogEntry.objects.get().get_change_message() == "Deactivated."
    assert [message.to for message in post_office()] == [["alice@example.org"]]
