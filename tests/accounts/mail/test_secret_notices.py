"""The owners of a service account receive mail about its secrets."""

from datetime import timedelta

import pytest
from django.core.mail import EmailMessage
from django_tasks_db.models import DBTaskResult

from accounts.models import User
from tests.accounts.conftest import post_office
from tests.conftest import Clock
from tests.support.leaks import Leaks, search_tables
from tokens.models import ServiceAccount, ServiceSecret
from tokens.service_accounts.accounts import create_secret, disable

pytestmark = pytest.mark.django_db(transaction=True)

CREATED = "A service account has a new secret"
EXPIRES = "A secret of a service account expires soon"


@pytest.fixture
def orders(alice: User, bob: User) -> ServiceAccount:
    """A service account that belongs to alice."""
    account = ServiceAccount.objects.create(name="orders")
    account.owners.add(alice)
    return account


def add_secret(account: ServiceAccount, days: int = 365, by: User | None = None) -> ServiceSecret:
    return create_secret(account, lifetime=timedelta(days=days), created_by=by)[0]


def sent() -> list[tuple[list[str], str]]:
    """Return addressees and subject of the mails that are due."""
    return [(message.to, str(message.subject)) for message in post_office()]


def test_each_owner_receives_a_mail_about_a_new_secret(
    orders: ServiceAccount, alice: User, bob: User
) -> None:
    orders.owners.add(bob)
    secret = add_secret(orders, by=bob)
    messages: list[EmailMessage] = sorted(post_office(), key=lambda message: message.to)
    assert [message.to for message in messages] == [[alice.email], [bob.email]]
    for message, name in zip(messages, ("alice", "bob"), strict=True):
        assert message.subject == CREATED
        for words in (
            f"bob created the secret {secret.prefix}… for the service account orders at",
            f"because you, {name}, are an owner",
            f"The secret expires on {secret.expires_at:%-d %B %Y}",
        ):
            assert words in message.body


def test_a_secret_that_a_command_created_names_no_person(orders: ServiceAccount) -> None:
    secret = add_secret(orders)
    (message,) = post_office()
    assert f"The secret {secret.prefix}… was created for the service account" in message.body


@pytest.mark.trap(72)
def test_no_mail_and_no_queued_task_contains_the_secret(orders: ServiceAccount) -> None:
    _, text = create_secret(orders, lifetime=timedelta(days=365))
    leaks = Leaks()
    leaks.add_tokens(text)
    search_tables(leaks)
    for message in post_office():
        leaks.add_text("in a mail", message.message().as_string())
    assert leaks.report() == []


def test_inactive_owners_and_those_without_an_address_receive_none(
    orders: ServiceAccount, alice: User, bob: User
) -> None:
    orders.owners.add(bob)
    User.objects.filter(pk=alice.pk).update(is_active=False)
    User.objects.filter(pk=bob.pk).update(email="")
    add_secret(orders)
    assert sent() == []


def test_a_secret_that_is_gone_before_the_mail_is_sent_needs_none(orders: ServiceAccount) -> None:
    add_secret(orders)
    orders.delete()
    assert sent() == []


def test_the_owners_are_reminded_30_days_before_a_secret_expires(
    orders: ServiceAccount, alice: User, bob: User, clock: Clock
) -> None:
    secret = add_secret(orders)
    assert sent() == [([alice.email], CREATED)]
    clock.forward(days=334, hours=23)
    assert sent() == []
    orders.owners.set([bob])
    clock.forward(hours=1)
    (message,) = post_office()
    assert (message.to, message.subject) == ([bob.email], EXPIRES)
    assert f"The secret {secret.prefix}… of the service account orders at" in message.body
    clock.forward(days=29)
    assert sent() == []
    assert not DBTaskResult.objects.exists()


@pytest.mark.parametrize("change", ["disabled", "account disabled", "replaced", "deleted"])
def test_a_secret_that_needs_no_replacement_has_no_reminder(
    orders: ServiceAccount, clock: Clock, change: str
) -> None:
    secret = add_secret(orders)
    clock.forward(days=300)
    if change == "disabled":
        disable(secret)
    elif change == "account disabled":
        orders.is_active = False
        orders.save()
    elif change == "replaced":
        add_secret(orders)
    else:
        orders.delete()
    post_office()
    clock.forward(days=35)
    assert sent() == []


@pytest.mark.parametrize("other", ["older", "disabled", "shorter"])
def test_another_secret_that_is_no_replacement_changes_nothing(
    orders: ServiceAccount, alice: User, clock: Clock, other: str
) -> None:
    if other == "older":
        add_secret(orders, 500)
    add_secret(orders)
    clock.forward(days=300)
    if other == "disabled":
        disable(add_secret(orders))
    elif other == "shorter":
        add_secret(orders, 20)
    post_office()
    clock.forward(days=35)
    assert sent() == [([alice.email], EXPIRES)]


def test_a_short_lived_secret_has_no_reminder(orders: ServiceAccount, clock: Clock) -> None:
    add_secret(orders, 30)
    post_office()
    assert not DBTaskResult.objects.exists()
