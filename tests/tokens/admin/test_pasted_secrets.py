"""An administrator pastes a leaked secret, and the site refuses it from then on."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from tests.conftest import Clock
from tests.support.staff import BLACKLIST
from tests.tokens.admin.service_pages import history, is_valid
from tests.tokens.oauth.conftest import Service
from tokens.models import ServiceAccount
from tokens.service_accounts import secrets

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("known_scopes")]


WRAPPINGS = {
    "alone": "{}",
    "with blanks": "  {}\r\n",
    "as an environment variable": "ORDERS_KEY={}\nOTHER=1",
    "in JSON": '{{"client_secret": "{}"}}',
    "in a URL": "https://example.org/?key={}&page=2",
    "in a sentence": "We found {}, which somebody had posted.",
}


@pytest.mark.parametrize("wrapping", WRAPPINGS.values(), ids=WRAPPINGS)
def test_a_pasted_secret_is_disabled(carol: Client, service: Service, wrapping: str) -> None:
    pasted = wrapping.format(service.secret)
    answer = carol.post(BLACKLIST + "add/", {"token": pasted}, follow=True)
    shown = answer.content.decode()
    assert f"Disabled the secret {service.row.prefix}… of orders." in shown
    assert service.secret[13:] not in shown
    assert not is_valid(service)
    assert history() == [f"Disabled the secret {service.row.prefix}… of orders."]
    again = carol.post(BLACKLIST + "add/", {"token": pasted}).content.decode()
    assert f"The secret {service.row.prefix}… of orders was disabled or has expired." in again
    assert service.secret[13:] not in again


def test_a_secret_that_a_mail_has_folded_is_recognised(carol: Client, service: Service) -> None:
    folded = f"> key: {service.secret[:30]}\r\n> {service.secret[30:]}\r\n> Bye"
    carol.post(BLACKLIST + "add/", {"token": folded})
    assert not is_valid(service)


def test_a_pasted_secret_that_is_unknown_or_mistyped_is_called_so(
    carol: Client, service: Service
) -> None:
    wrong = service.secret[:-1] + ("a" if service.secret[-1] != "a" else "b")
    for text, error in {
        secrets.generate(): "This site has no such secret, or it was purged.",
        wrong: "The checksum of this secret is wrong. Copy the complete secret again.",
        f"key={wrong} or": "The checksum of this secret is wrong.",
        "latchkey_config-that-is-not-shown": "The text contains no token or secret of this site.",
        service.secret[:40]: "The checksum of this secret is wrong.",
    }.items():
        shown = carol.post(BLACKLIST + "add/", {"token": text}).content.decode()
        assert error in shown
        assert text[13:] not in shown
    assert is_valid(service)
    assert history() == []


def test_an_expired_secret_is_not_disabled_again(
    carol: Client, service: Service, clock: Clock
) -> None:
    ServiceAccount.objects.update(expires_at=timezone.now() + timedelta(days=1))
    clock.forward(days=2)
    carol.force_login(User.objects.get(username="carol"))
    shown = carol.post(BLACKLIST + "add/", {"token": service.secret}).content.decode()
    assert "was disabled or has expired." in shown
