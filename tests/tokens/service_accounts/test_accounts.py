"""A change of one service account, and the first use of a secret."""

import pytest

from tests.conftest import Clock, Listen
from tests.tokens.oauth.conftest import Service, create_service
from tokens import signals
from tokens.models import DeviceSession
from tokens.service_accounts.accounts import record_use

pytestmark = pytest.mark.django_db(transaction=True)


def test_only_the_first_use_of_a_secret_is_reported(
    service: Service, clock: Clock, heard: Listen
) -> None:
    told = heard(signals.service_secret_used)
    for _ in range(2):
        record_use(service.row)
        clock.forward(hours=2)
    assert [call["secret"] for call in told] == [service.row]


def test_a_changed_account_leaves_the_others_alone(service: Service) -> None:
    """Guards that sessions_of returns the sessions of one account."""
    other = create_service("stock", scope="stock")
    service.account.scope = "orders:read"
    service.account.save()
    service.account.is_active = False
    service.account.save()
    session = DeviceSession.objects.get(pk=other.row.session_id)
    assert (session.scope, session.revoked_at) == ("stock", None)
