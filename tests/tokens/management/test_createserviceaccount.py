"""`createserviceaccount` creates a service account and prints its secret once."""

import re
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from accounts.models import User
from tests.tokens.oauth.conftest import PAYMENTS, SCOPES, SITE
from tokens.models import DeviceSession, ServiceAccount, ServiceSecret
from tokens.service_accounts.accounts import authenticate, issue

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def known_scopes(settings: Settings) -> None:
    settings.TOKENS = {**settings.TOKENS, "SCOPES": SCOPES}
    settings.SIMPLE_JWT = {**settings.SIMPLE_JWT, "AUDIENCE": [SITE, PAYMENTS]}


def create(*words: str) -> str:
    """Run the command and return its output."""
    printed = StringIO()
    call_command("createserviceaccount", *words, stdout=printed)
    return printed.getvalue()


def test_the_client_id_and_the_secret_are_printed_each_on_one_line() -> None:
    printed = create("orders")
    found = re.fullmatch(r"client_id: (\S+)\nclient_secret: (\S+)\n", printed)
    assert found is not None
    client = authenticate(found[2], client_id=found[1])
    account = client.secret.account
    assert (account.name, account.scope, account.audience) == (
        "orders",
        "",
        "",
    )
    assert client.secret.expires_at - client.secret.created_at == timedelta(days=365)
    assert issue(client)["aud"] == SITE


def test_every_option_is_stored(alice: User, bob: User) -> None:
    options = ["--scope", "stock", "--scope", "introspect", "--scope", "stock"]
    options += ["--audience", PAYMENTS, "--audience", SITE, "--days", "7"]
    options += ["--owner", "alice", "--owner", bob.email, "--description", "Ships orders."]
    create("orders", *options)
    account = ServiceAccount.objects.get()
    assert (account.scope, account.audience) == ("stock introspect", f"{PAYMENTS} {SITE}")
    assert account.description == "Ships orders."
    assert {*account.owners.all()} == {alice, bob}
    session = DeviceSession.objects.get()
    assert (session.scope, session.audience) == (account.scope, account.audience)
    assert session.expires_at - session.created_at == timedelta(days=7)


@pytest.mark.parametrize(
    ("words", "error"),
    [
        pytest.param(
            ["orders", "--scope", "oders:read"],
            "There is no scope 'oders:read'. The settings define: orders:read, orders:write,"
            " stock, introspect.",
            id="misspelt scope",
        ),
        pytest.param(
            ["orders", "--scope", "stock", "--scope", "a b"],
            "There is no scope 'a b'.",
            id="two scopes in one",
        ),
        pytest.param(
            ["orders", "--audience", "https://evil.example"],
            f"There is no audience 'https://evil.example'. The settings define: {SITE}, {PAYMENTS}",
            id="unknown audience",
        ),
        pytest.param(
            ["orders", "--owner", "alice", "--owner", "nobody"],
            "There is no user with the user name, e-mail address or id 'nobody'.",
            id="unknown owner",
        ),
        pytest.param(
            ["taken"], "A service account with that name already exists.", id="name taken"
        ),
        pytest.param([""], "name: This field cannot be blank.", id="no name"),
        pytest.param(["a" * 101], "at most 100 characters", id="long name"),
        pytest.param(["two\nlines"], "Write this on one line", id="two lines"),
        pytest.param(["orders", "--days", "0"], "--days must be from 1 to 3650.", id="no days"),
        pytest.param(["orders", "--days", "-1"], "--days must be", id="negative days"),
        pytest.param(["orders", "--days", "3651"], "--days must be", id="too many days"),
        pytest.param(["orders", "--days", "x"], "invalid int value: 'x'", id="days not a number"),
        pytest.param([], "the following arguments are required: name", id="nothing"),
    ],
)
def test_an_error_says_what_is_wrong_and_nothing_is_created(
    alice: User, words: list[str], error: str
) -> None:
    ServiceAccount.objects.create(name="taken")
    with pytest.raises(CommandError) as raised:
        create(*words)
    assert error in str(raised.value)
    assert ServiceAccount.objects.get().name == "taken"
    assert not ServiceSecret.objects.exists()
    assert not DeviceSession.objects.exists()
