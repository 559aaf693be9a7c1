"""`inspecttoken` says what a service account's secret is, and never prints it."""

from datetime import timedelta

import pytest

from tests.conftest import Clock
from tests.tokens.management.conftest import Inspect
from tests.tokens.oauth.conftest import Service, create_service
from tokens.models import ServiceAccount
from tokens.service_accounts import secrets
from tokens.service_accounts.accounts import disable

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def service(db: None) -> Service:
    return create_service()


def test_a_valid_secret_is_described(service: Service, inspect: Inspect) -> None:
    status, printed = inspect(f"ORDERS_KEY={service.secret}\n")
    lines = printed.splitlines()
    assert status == 0
    assert (lines[0], lines[-1]) == ("kind: secret of a service account", "accepted now: yes")
    for line in (
        'secret account: "orders"',
        f"secret client_id: {service.client_id}",
        f"secret prefix: {service.row.prefix}",
        f"secret expires: {service.row.expires_at:%Y-%m-%d %H:%M:%S} UTC",
        "session kind: service",
        "session user: none",
        f"session expires: {service.row.expires_at:%Y-%m-%d %H:%M:%S} UTC",
        "session revoked: no",
    ):
        assert line in lines
    assert service.secret[13:] not in printed


def test_a_disabled_secret_is_described(service: Service, inspect: Inspect) -> None:
    disable(service.row)
    status, printed = inspect(service.secret)
    assert status == 1
    assert printed.endswith("accepted now: no\nIts session was revoked: by an administrator.\n")


@pytest.mark.parametrize("which", ["secret", "account"])
def test_an_expired_secret_is_described(
    service: Service, inspect: Inspect, clock: Clock, which: str
) -> None:
    if which == "account":
        ServiceAccount.objects.update(expires_at=service.row.created_at + timedelta(days=1))
    clock.forward(days=366 if which == "secret" else 2)
    status, printed = inspect(service.secret)
    assert status == 1
    assert printed.endswith("It has expired, or its service account has.\n")


def test_an_unknown_secret_is_called_so(db: None, inspect: Inspect) -> None:
    unknown = secrets.generate()
    status, printed = inspect(unknown)
    assert (status, printed.splitlines()[0]) == (1, "kind: unknown secret")
    assert unknown[13:] not in printed


def test_a_mistyped_secret_is_called_so(db: None, inspect: Inspect) -> None:
    status, printed = inspect(secrets.generate()[:-1])
    assert status == 1
    assert printed == (
        "kind: no secret\naccepted now: no\nIt resembles a secret, but is mistyped or cut off.\n"
    )
