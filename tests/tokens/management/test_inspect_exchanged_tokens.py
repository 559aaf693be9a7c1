"""`inspecttoken` says why a token for or of another service is refused."""

import pytest
from pytest_django import Settings

from accounts.models import User
from tests.conftest import API, PASSWORD
from tests.tokens.management.conftest import Inspect
from tests.tokens.oauth.conftest import PAYMENTS, SITE, OAuth, Service
from tests.tokens.oauth.test_exchange import exchanged
from tokens.models import BlacklistedToken, Reason
from tokens.revocation.blacklist import blacklist
from tokens.service_accounts.accounts import disable

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def token(oauth: OAuth, api: API, alice: User, service: Service) -> str:
    """A token for this site that a service received for alice's."""
    return str(exchanged(oauth, service, api.login(alice)["access"], audience=SITE).token)


def test_an_exchanged_token_is_accepted(token: str, inspect: Inspect) -> None:
    status, printed = inspect(token)
    assert (status, printed.splitlines()[-1]) == (0, "accepted now: yes")


def test_a_token_of_a_disabled_service_is_described(
    token: str, service: Service, inspect: Inspect
) -> None:
    disable(service.row)
    status, printed = inspect(token)
    assert status == 1
    assert printed.endswith(
        "\nThe secret of a service that exchanged it is disabled or has expired.\n"
    )


def test_a_blacklisted_token_is_described(token: str, inspect: Inspect) -> None:
    assert isinstance(blacklist(token, Reason.ADMIN), BlacklistedToken)
    status, printed = inspect(token)
    assert (status, printed.splitlines()[-1]) == (1, "It is blacklisted.")


def test_a_token_for_another_service_is_not_accepted_here(
    oauth: OAuth, api: API, alice: User, service: Service, inspect: Inspect
) -> None:
    token = exchanged(oauth, service, api.login(alice)["access"], audience=PAYMENTS)
    status, printed = inspect(str(token.token))
    assert (status, printed.splitlines()[-1]) == (1, f"It is for another service: {PAYMENTS}.")


def test_a_session_whose_audience_was_removed_is_described(
    api: API, alice: User, inspect: Inspect, settings: Settings, known_scopes: None
) -> None:
    body = {"username": alice.username, "password": PASSWORD, "audience": PAYMENTS}
    pair = api.post("login/", body).json()
    settings.SIMPLE_JWT = {**settings.SIMPLE_JWT, "AUDIENCE": [SITE]}
    status, printed = inspect(pair["refresh"])
    sentence = "TOKEN_AUDIENCE no longer has an audience of its session."
    assert (status, printed.splitlines()[-1]) == (1, sentence)
