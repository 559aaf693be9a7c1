"""Owners are notified by mail when other people change their account."""

from collections.abc import Callable
from functools import partial

import pytest
from django.core.mail import EmailMessage
from django.db import connection
from django_tasks_db.models import DBTaskResult
from pytest_django import Settings

from accounts.mail import notices
from accounts.mail.queue import deliver
from accounts.models import User
from tests.accounts.conftest import (
    NEW_PASSWORD,
    Account,
    AdminPages,
    link_in,
    post_office,
    query_of,
)
from tests.conftest import API, PASSWORD, Clock, allow
from tests.support.people import Person
from tests.support.racing import queue

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.spec("ASVS 5.0", "6.3.7")]

OLD, NEW = "alice@example.org", "alice@example.net"
CHANGED = "An administrator changed your account"
DEACTIVATED = "Your account was deactivated"


def set_password(admin: AdminPages, user: User) -> None:
    form = {"usable_password": "true", "password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    assert admin.post(f"{user.pk}/password/", **form).status_code == 302


def take_password_away(admin: AdminPages, user: User) -> None:
    form = {"usable_password": "false", "unset-password": "yes"}
    assert admin.post(f"{user.pk}/password/", **form).status_code == 302
    assert not User.objects.get(pk=user.pk).has_usable_password()


def save(**changes: str | None) -> Callable[[AdminPages, User], None]:
    def save_form(admin: AdminPages, user: User) -> None:
        assert admin.change(user, **changes).status_code == 302

    return save_form


#: The change by an administrator, the recipients of the mail, its subject and its words.
CHANGES: dict[str, tuple[Callable[[AdminPages, User], None], tuple[list[str], str, str]]] = {
    "password": (set_password, ([OLD], CHANGED, "password.")),
    "no password": (take_password_away, ([OLD], CHANGED, "password.")),
    "user name": (
        save(username="alicia"),
        ([OLD], CHANGED, "http://localhost:8000: user name (now alicia)."),
    ),
    "address": (save(email=NEW), ([NEW, OLD], CHANGED, "e-mail address.")),
    "address removed": (save(email=""), ([OLD], CHANGED, "e-mail address.")),
    "name and address": (
        save(username="alicia", email=NEW),
        ([NEW, OLD], CHANGED, "user name (now alicia), e-mail address."),
    ),
    "deactivated": (save(is_active=None), ([OLD], DEACTIVATED, "you can no longer sign in.")),
}


def by_address(messages: list[EmailMessage]) -> list[EmailMessage]:
    return sorted(messages, key=lambda message: message.to)


@pytest.mark.parametrize(("change", "told"), CHANGES.values(), ids=CHANGES)
def test_a_change_is_notified_at_the_old_and_new_email(
    alice: User,
    admin: AdminPages,
    change: Callable[[AdminPages, User], None],
    told: tuple[list[str], str, str],
) -> None:
    addresses, subject, words = told
    change(admin, alice)
    messages = by_address(post_office())
    assert [message.to for message in messages] == [[address] for address in addresses]
    for message in messages:
        assert message.subject == subject
        assert "the account alice at http://localhost:8000" in message.body
        assert words in message.body
        assert ("alicia" in message.body) is ("alicia" in words)
        assert NEW not in message.body


def test_a_deactivation_with_a_change_is_notified_in_two_mails(
    alice: User, admin: AdminPages
) -> None:
    admin.change(alice, is_active=None, username="alicia")
    assert sorted(message.subject for message in post_office()) == [CHANGED, DEACTIVATED]


@pytest.mark.parametrize(
    "changes",
    [{}, {"first_name": "Alice"}, {"email": "BOB@example.org"}],
    ids=["nothing", "another field", "an address that is refused"],
)
def test_an_unchanged_account_gets_no_mail(
    alice: User, bob: User, admin: AdminPages, changes: dict[str, str]
) -> None:
    admin.change(alice, **changes)
    mismatch = {"usable_password": "true", "password1": NEW_PASSWORD, "password2": PASSWORD}
    assert admin.post(f"{alice.pk}/password/", **mismatch).status_code == 200
    assert not DBTaskResult.objects.exists()


def test_changing_an_account_without_email_sends_no_mail(alice: User, admin: AdminPages) -> None:
    User.objects.update(email="")
    set_password(admin, alice)
    admin.change(alice, is_active=None, username="alicia")
    assert not DBTaskResult.objects.exists()


def test_a_reactivated_or_new_user_gets_no_mail(alice: User, admin: AdminPages) -> None:
    User.objects.filter(pk=alice.pk).update(is_active=False)
    admin.change(alice, is_active="on")
    fields = {"usable_password": "true", "password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    assert admin.post("add/", username="dave", **fields).status_code == 302
    assert not DBTaskResult.objects.exists()


@pytest.mark.spec("ASVS 5.0", "2.3.3")
def test_a_change_is_undone_if_its_mail_cannot_be_queued(
    alice: User, admin: AdminPages, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mail is queued in the transaction of the change, so both are stored or neither."""

    def full(*arguments: object) -> None:
        raise OSError("The queue cannot be written.")

    monkeypatch.setattr(type(deliver), "enqueue", full)
    with pytest.raises(OSError, match="The queue"):
        admin.change(alice, username="alicia", email=NEW, is_active=None)
    with pytest.raises(OSError, match="The queue"):
        set_password(admin, alice)
    monkeypatch.undo()
    after = User.objects.get(pk=alice.pk)
    assert (after.username, after.email, after.is_active) == ("alice", OLD, True)
    assert after.check_password(PASSWORD)


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no such locks")
def test_two_simultaneous_changes_are_notified_separately(alice: User) -> None:
    """Guards the lock in notices: the second change starts from the result of the first."""

    def change(**values: str) -> None:
        with notices.notify_owner(alice):
            User.objects.filter(pk=alice.pk).update(**values)

    with queue() as line_up:
        change(email=NEW)
        late = line_up(partial(change, username="alicia"))
    late.result()
    told = [(message.to, "user name (now" in message.body) for message in post_office()]
    assert sorted(told) == [([NEW], False), ([NEW], True), ([OLD], False)]


def test_an_email_changed_and_restored_invalidates_links(
    api: API, account: Account, alice: User, admin: AdminPages
) -> None:
    phone = api.login(alice)
    account.patch({"email": NEW, "current_password": PASSWORD}, bearer=phone["access"])
    (message,) = post_office()
    for address in ("alice@example.com", OLD):
        admin.change(User.objects.get(pk=alice.pk), email=address)
    assert account.post("me/email/confirm/", query_of(link_in(message))).status_code == 400
    alice.refresh_from_db()
    assert alice.email == OLD


SIGN_IN_TOLD = "A sign-in after several that failed"


@pytest.fixture
def told_of_failures(settings: Settings, fresh_counters: None) -> None:
    allow(settings, failed_sign_in="3 per hour", sign_in_mail="1 per hour")


def try_to_sign_in(api: API, *tries: tuple[str, str]) -> list[int]:
    bodies = ({"username": name, "password": password} for name, password in tries)
    return [api.post("login/", body).status_code for body in bodies]


@pytest.mark.spec("ASVS 5.0", "6.3.5")
@pytest.mark.usefixtures("told_of_failures")
def test_a_sign_in_after_many_failures_is_notified_once_an_hour(
    api: API, alice: User, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """The limit holds for both names of the account."""
    guesses = (("alice", "wrong"), ("ALICE@example.org", "wrong"), ("alice", "wrong"))
    for _ in range(2):
        assert try_to_sign_in(api, *guesses, ("alice", PASSWORD)) == [401, 401, 401, 200]
    (message,) = post_office()
    assert (message.to, message.subject) == ([OLD], SIGN_IN_TOLD)
    assert "http://localhost:8000/accounts/password/reset/" in message.body
    clock.forward(hours=2)
    assert try_to_sign_in(api, *guesses, ("alice", PASSWORD)) == [401, 401, 401, 200]
    assert len(post_office()) == 1
    assert caplog.text.count("'event': 'sign_in_after_failures'") == 3


@pytest.mark.spec("ASVS 5.0", "6.3.5")
@pytest.mark.usefixtures("told_of_failures")
def test_few_failures_and_other_networks_send_no_alert(api: API, alice: User, bob: User) -> None:
    try_to_sign_in(api, *[("bob", "wrong")] * 5, *[("nobody", PASSWORD)] * 5)
    try_to_sign_in(api, *[("alice", "wrong")] * 2, *[("alice", PASSWORD)] * 5)
    assert not DBTaskResult.objects.exists()


@pytest.mark.spec("ASVS 5.0", "6.3.5")
@pytest.mark.usefixtures("told_of_failures")
def test_a_page_sign_in_after_many_failures_is_notified_too(alice: User) -> None:
    person = Person()
    for _ in range(3):
        assert person.sign_in("alice", "wrong").status_code == 400
    assert person.sign_in("alice").status_code == 302
    assert [message.subject for message in post_office()] == [SIGN_IN_TOLD]


@pytest.mark.spec("ASVS 5.0", "6.3.5")
@pytest.mark.parametrize(
    ("device", "named"),
    [
        ("phone", "The device “phone”"),
        ("", "A device"),
        ("\u202eenohp", "The device “enohp”"),
        ("הטלפון 5", "The device “\u2068הטלפון 5\u2069”"),
        ("\u202e", "A device"),
    ],
    ids=ascii,
)
def test_the_owner_is_notified_of_token_reuse_once(
    api: API, alice: User, device: str, named: str
) -> None:
    first = api.login(alice, device)
    api.rotated(api.rotated(first["refresh"])["refresh"])
    for _ in range(2):
        assert api.refresh(first["refresh"]).status_code == 401
    (message,) = post_office()
    assert (message.to, message.subject) == ([OLD], "A device was signed out to be safe")
    assert f"{named} was signed out of the account alice at http://localhost:8000" in message.body
