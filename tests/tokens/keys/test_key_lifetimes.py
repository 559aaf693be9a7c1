"""A key is published until its last token expires, also if another server has other settings."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import override_settings
from pytest_django import Settings

from accounts.models import User
from tests.conftest import API, Clock, row
from tests.tokens.keys.key_set import is_accepted, published
from tests.tokens.keys.test_key_rotation import ANNOUNCED, LONGEST_INTERVAL
from tokens.conf import conf
from tokens.jwt.claims import AccessToken
from tokens.keys import lifecycle
from tokens.keys.jwk import KeyPair
from tokens.keys.keyring import keyring

pytestmark = pytest.mark.django_db(transaction=True)


def minted(pair: dict[str, Any], signer: KeyPair) -> str:
    """Return an access token of a process that signs with this key."""
    claims: dict[str, Any] = {"scope": "", "audience": conf().audience, "person": {"roles": []}}
    return str(AccessToken.mint(row(pair), signer, **claims))


@pytest.mark.trap(37)
@pytest.mark.parametrize("interval", [0, 1], ids=["no snapshots here", "snapshots here"])
def test_a_key_is_published_until_its_last_token_expires(
    api: API, alice: User, clock: Clock, settings: Settings, interval: int
) -> None:
    """A process with the longest interval signs the token, with a clock fast by the leeway."""
    settings.TOKENS = {**settings.TOKENS, "SNAPSHOT_INTERVAL": timedelta(seconds=interval)}
    pair = api.login(alice)
    signer = keyring.current().signer
    new = lifecycle.rotate().kid
    clock.forward(seconds=ANNOUNCED.total_seconds() + LONGEST_INTERVAL - 1 + 10)
    last = minted(pair, signer)
    clock.forward(seconds=-10)
    clock.forward(seconds=10 + 300 + 10 - 1)
    assert is_accepted(api, last)
    assert published(api) == [signer.kid, new]
    clock.forward(seconds=2)
    assert published(api) == [new]


HOUR = {"ACCESS_TOKEN_LIFETIME": timedelta(hours=1)}


@pytest.mark.trap(37)
def test_a_key_outlives_a_rotation_with_a_shorter_lifetime(
    api: API, alice: User, clock: Clock, settings: Settings
) -> None:
    """A server with a shorter ACCESS_TOKEN_LIFETIME than this one creates the next key."""
    pair, signer = api.login(alice), keyring.current().signer
    new = lifecycle.rotate().kid
    settings.SIMPLE_JWT = {**settings.SIMPLE_JWT, **HOUR}
    clock.forward(seconds=ANNOUNCED.total_seconds() - 1)
    last = minted(pair, signer)
    clock.forward(seconds=3599)
    keyring.invalidate()
    assert is_accepted(api, last)
    assert published(api) == [signer.kid, new]
    clock.forward(seconds=LONGEST_INTERVAL + 20 + 2)
    assert published(api) == [new]


def test_a_rotation_keeps_keys_that_another_server_publishes(
    api: API, alice: User, clock: Clock, settings: Settings
) -> None:
    """A server with a shorter ACCESS_TOKEN_LIFETIME than this one rotates once more."""
    pair, signer = api.login(alice), keyring.current().signer
    lifecycle.rotate()
    clock.forward(seconds=ANNOUNCED.total_seconds() - 1)
    with override_settings(SIMPLE_JWT={**settings.SIMPLE_JWT, **HOUR}):
        last = minted(pair, signer)
    clock.forward(minutes=30)
    assert signer.kid not in published(api)
    lifecycle.rotate()
    settings.SIMPLE_JWT = {**settings.SIMPLE_JWT, **HOUR}
    assert signer.kid in published(api)
    assert is_accepted(api, last)


def test_a_rotation_keeps_keys_that_this_server_publishes(
    api: API, clock: Clock, settings: Settings
) -> None:
    signer = keyring.current().signer
    lifecycle.rotate()
    two_days = {"ACCESS_TOKEN_LIFETIME": timedelta(days=2)}
    settings.SIMPLE_JWT = {**settings.SIMPLE_JWT, **two_days}
    clock.forward(days=1, minutes=30)
    lifecycle.rotate()
    assert signer.kid in published(api)


def test_a_shorter_lifetime_removes_no_key_earlier(
    api: API, clock: Clock, settings: Settings
) -> None:
    """Other services accept older tokens until the expiry that these contain."""
    signer = keyring.current().signer
    with override_settings(SIMPLE_JWT={**settings.SIMPLE_JWT, **HOUR}):
        lifecycle.rotate()
    clock.forward(minutes=10 + 59)
    assert signer.kid in published(api)


def test_a_longer_lifetime_brings_no_key_back_after_an_emergency(
    api: API, alice: User, settings: Settings
) -> None:
    last = api.login(alice)["access"]
    lifecycle.rotate()
    replacing = lifecycle.replace_all().kid
    settings.SIMPLE_JWT = {**settings.SIMPLE_JWT, **HOUR}
    keyring.invalidate()
    assert published(api) == [replacing]
    assert not is_accepted(api, last)
