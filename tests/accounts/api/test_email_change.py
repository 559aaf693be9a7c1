"""Another e-mail address takes effect when the link that is mailed to it is followed."""

from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.links import claims_of_email_link
from accounts.models import User
from tests.accounts.conftest import (
    NEW_HASH,
    Account,
    execute_sql,
    link_in,
    post_office,
    query_of,
)
from tests.conftest import API, PASSWORD, Clock
from tests.support.racing import race

pytestmark = pytest.mark.django_db

NEW = "alice@example.net"


@pytest.fixture
def bearer(api: API, alice: User) -> str:
    return str(api.login(alice)["access"])


def ask(account: Account, bearer: str, email: str = NEW, password: str = PASSWORD) -> Any:
    return account.patch({"email": email, "current_password": password}, bearer=bearer)


def link_to(account: Account, bearer: str, email: str = NEW) -> str:
    """Request the change and return the mailed link."""
    assert ask(account, bearer, email).status_code == 200
    (message,) = post_office()
    assert message.to == [email]
    return link_in(message)


def confirm(account: Account, link: str) -> Any:
    return account.post("me/email/confirm/", query_of(link))


def email_of(user: User) -> str:
    return User.objects.get(pk=user.pk).email


@pytest.mark.spec("ASVS 5.0", "6.3.7")
def test_following_the_link_changes_and_notifies_the_old_email(
    account: Account, alice: User, bearer: str
) -> None:
    answer = ask(account, bearer)
    assert (answer.status_code, answer.json()["email"]) == (200, "alice@example.org")
    (message,) = post_office()
    assert message.to == [NEW]
    assert email_of(alice) == "alice@example.org"
    confirmed = confirm(account, link_in(message))
    assert (confirmed.status_code, confirmed["Cache-Control"]) == (204, "no-store")
    assert email_of(alice) == NEW
    (notice,) = post_office()
    assert (notice.to, notice.subject) == (
        ["alice@example.org"],
        "Your e-mail address was changed",
    )
    assert NEW not in notice.body
    assert account.get(bearer=bearer).json()["email"] == NEW


def test_a_link_changes_the_email_of_its_user_only(
    api: API, account: Account, alice: User, bob: User
) -> None:
    for user in (alice, bob):
        link = link_to(account, api.login(user)["access"], f"{user.username}@example.net")
        assert claims_of_email_link(query_of(link)["token"]) is not None
        assert confirm(account, link).status_code == 204
        post_office()
    assert (email_of(alice), email_of(bob)) == ("alice@example.net", "bob@example.net")


@pytest.mark.spec("ASVS 5.0", "7.5.1")
@pytest.mark.parametrize("password", ["wrong", ""])
def test_an_email_change_needs_the_current_password(
    account: Account, alice: User, bearer: str, password: str
) -> None:
    answer = ask(account, bearer, password=password)
    assert (answer.status_code, [*answer.json()]) == (400, ["current_password"])
    missing = account.patch({"email": NEW, "first_name": "Eve"}, bearer=bearer)
    assert (missing.status_code, [*missing.json()]) == (400, ["current_password"])
    assert User.objects.get(pk=alice.pk).first_name == ""
    assert post_office() == []


def test_the_current_email_needs_no_password_and_no_mail(
    account: Account, alice: User, bearer: str
) -> None:
    body = {"email": alice.email, "first_name": "Alice"}
    assert account.patch(body, bearer=bearer).json()["first_name"] == "Alice"
    assert post_office() == []


def test_the_current_email_in_another_case_is_a_change(
    account: Account, alice: User, bearer: str
) -> None:
    link = link_to(account, bearer, "Alice@Example.org")
    assert confirm(account, link).status_code == 204
    assert email_of(alice) == "Alice@Example.org"


@pytest.mark.spec("ASVS 5.0", "6.3.8")
def test_a_taken_email_gets_the_same_answer_but_no_link(
    account: Account, alice: User, bob: User, bearer: str
) -> None:
    free, taken = ask(account, bearer), ask(account, bearer, "BOB@example.org")
    assert (free.status_code, free.content) == (taken.status_code, taken.content)
    assert [message.to for message in post_office()] == [[NEW]]


def test_an_email_that_was_taken_since_the_mail_is_refused(
    account: Account, alice: User, bob: User, bearer: str
) -> None:
    link = link_to(account, bearer)
    User.objects.filter(pk=bob.pk).update(email=NEW.upper())
    assert confirm(account, link).json()["code"] == "invalid_link"
    assert email_of(alice) == "alice@example.org"
    assert post_office() == []


def test_a_link_works_once_even_if_the_old_email_is_restored(
    account: Account, alice: User, bearer: str
) -> None:
    link = link_to(account, bearer)
    assert confirm(account, link).status_code == 204
    assert confirm(account, link).json()["code"] == "invalid_link"
    User.objects.filter(pk=alice.pk).update(email="alice@example.org")
    assert confirm(account, link).json()["code"] == "invalid_link"
    assert email_of(alice) == "alice@example.org"


@pytest.mark.spec("ASVS 5.0", "2.3.4")
@pytest.mark.django_db(transaction=True)
def test_one_of_many_simultaneous_callers_uses_the_email_link(
    account: Account, alice: User, bearer: str
) -> None:
    """Guards the lock in changes._store_email: the old address is notified once."""
    link = link_to(account, bearer)
    answers = race(*[lambda: confirm(account, link)] * 4)
    assert sorted(answer.status_code for answer in answers) == [204, 400, 400, 400]
    assert email_of(alice) == NEW
    assert len(post_office()) == 1


@pytest.mark.spec("ASVS 5.0", "6.5.5")
def test_a_link_expires(account: Account, alice: User, bearer: str, clock: Clock) -> None:
    link = link_to(account, bearer)
    clock.forward(days=1, seconds=1)
    assert confirm(account, link).json()["code"] == "invalid_link"
    assert email_of(alice) == "alice@example.org"


def change_the_password(alice: User) -> None:
    execute_sql("UPDATE accounts_user SET password = %s WHERE username = 'alice'", NEW_HASH)


def change_the_address(alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(email="third@example.org")


def deactivate(alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(is_active=False)


def delete(alice: User) -> None:
    alice.delete()


EVENTS = [change_the_password, change_the_address, deactivate, delete]


@pytest.mark.parametrize("event", EVENTS)
def test_a_link_is_invalid_after_the_account_has_changed(
    account: Account, alice: User, bearer: str, event: Any
) -> None:
    link = link_to(account, bearer)
    event(alice)
    before = list(User.objects.values())
    assert account.client.get(link).status_code == 400
    assert confirm(account, link).json()["code"] == "invalid_link"
    assert list(User.objects.values()) == before


@pytest.mark.parametrize("event", EVENTS)
def test_an_account_change_cancels_a_queued_link(
    account: Account, alice: User, bearer: str, event: Any
) -> None:
    """A thief requests a link. The owner then changes the password, and no link is sent."""
    ask(account, bearer)
    event(alice)
    assert NEW not in [address for message in post_office() for address in message.to]


def test_a_link_survives_a_change_of_the_secret_key(
    account: Account, alice: User, bearer: str, settings: Settings
) -> None:
    link = link_to(account, bearer)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another-" + "k" * 50
    assert confirm(account, link).status_code == 204
    assert email_of(alice) == NEW


@pytest.mark.parametrize("token", ["", "x", "a:b:c", "é", "x" * 10_000, None, 7, ["x"]])
def test_a_malformed_link_is_400(account: Account, alice: User, token: Any) -> None:
    assert account.post("me/email/confirm/", {"token": token}).status_code == 400
    assert email_of(alice) == "alice@example.org"


def test_opening_the_link_page_does_not_confirm_the_email(
    account: Account, alice: User, bearer: str
) -> None:
    link = link_to(account, bearer)
    assert link.startswith("http://localhost:8000/accounts/email/confirm/?token=")
    browser = Client(enforce_csrf_checks=True)
    for _ in range(2):
        page = browser.get(link)
        assert NEW in page.content.decode()
        assert "no-store" in page["Cache-Control"]
    assert email_of(alice) == "alice@example.org"
    address = "/accounts/email/confirm/"
    assert browser.post(address, query_of(link)).status_code == 403
    form = {**query_of(link), "csrfmiddlewaretoken": browser.cookies["csrftoken"].value}
    done = browser.post(address, form, follow=True)
    assert "Your e-mail address is confirmed" in done.content.decode()
    assert email_of(alice) == NEW
    assert browser.post(address, form).status_code == 400
    assert browser.get(address).status_code == 400
