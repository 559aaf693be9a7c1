"""The requests of one client to the OAuth endpoints are limited."""

from collections.abc import Callable

import pytest
from pytest_django import Settings

from accounts.models import User
from tests.conftest import API, Answer, allow
from tests.tokens.oauth.conftest import PAYMENTS, OAuth, Service, create_service
from tests.tokens.oauth.test_exchange import exchange

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("fresh_counters"),
]

#: The name of the limit, and a request that it limits. `token` is an access token of a person.
LIMITED: dict[str, tuple[str, Callable[[OAuth, Service, str], Answer]]] = {
    "client credentials": (
        "client_token",
        lambda oauth, service, token: oauth.token(service, grant_type="client_credentials"),
    ),
    "exchange": (
        "client_token",
        lambda oauth, service, token: exchange(oauth, service, token, audience=PAYMENTS),
    ),
    "introspection": (
        "introspect",
        lambda oauth, service, token: oauth.post(
            "introspect", {"token": token, **service.credentials}
        ),
    ),
    "revocation": (
        "revoke",
        lambda oauth, service, token: oauth.post("revoke", {"token": "unknown"}),
    ),
}


@pytest.mark.parametrize(("rate", "call"), LIMITED.values(), ids=LIMITED)
def test_the_third_request_has_to_wait(
    oauth: OAuth,
    api: API,
    alice: User,
    settings: Settings,
    *,
    rate: str,
    call: Callable[[OAuth, Service, str], Answer],
) -> None:
    allow(settings, **{rate: "2 per hour"})
    service = create_service(scope="introspect", audience=PAYMENTS)
    token = api.login(alice)["access"]
    assert [call(oauth, service, token).status_code for _ in range(2)] == [200, 200]
    answer = call(oauth, service, token)
    assert (answer.status_code, answer.json()["error"]) == (429, "temporarily_unavailable")
    assert 3500 < int(answer["Retry-After"]) <= 3601


def test_an_introspection_with_a_wrong_secret_is_counted(
    oauth: OAuth, service: Service, settings: Settings
) -> None:
    allow(settings, failed_client="2 per minute")
    form = {"token": "unknown", "client_id": service.client_id, "client_secret": "wrong"}
    assert [oauth.post("introspect", form).status_code for _ in range(3)] == [401, 401, 429]
