"""`purgetokens` keeps the rows that another setting of lifetimes needs."""

from datetime import timedelta

import pytest
from pytest_django import Settings

from accounts.models import User
from tests.conftest import API, Clock
from tests.support.example import read
from tests.tokens.management.test_purgetokens import DAY, purge
from tokens.models import Reason
from tokens.revocation.blacklist import blacklist
from tokens.revocation.snapshot import revocations

pytestmark = pytest.mark.django_db(transaction=True)

NO_RETRIES = {"GRACE_PERIOD": timedelta(0), "RETRY_WINDOW": timedelta(0)}


@pytest.mark.parametrize("access", [timedelta(minutes=5), 2 * DAY], ids=["5 minutes", "2 days"])
def test_without_retry_window_a_row_outlives_its_access_token(
    api: API, alice: User, clock: Clock, settings: Settings, access: timedelta
) -> None:
    settings.TOKENS = {**settings.TOKENS, **NO_RETRIES}
    settings.SIMPLE_JWT = {**settings.SIMPLE_JWT, "ACCESS_TOKEN_LIFETIME": access}
    api.login(alice)
    clock.forward(days=14, seconds=max(access, DAY).total_seconds())
    assert purge() == "device sessions: 0 deleted\n"
    clock.forward(seconds=11)
    assert purge() == "device sessions: 1 deleted\n"


@pytest.mark.trap(27)
def test_a_longer_lifetime_after_a_purge_makes_no_token_valid_again(
    api: API, alice: User, clock: Clock, settings: Settings
) -> None:
    """The tokens were issued with that lifetime, before a time with a short one."""
    longer = {**settings.SIMPLE_JWT, "ACCESS_TOKEN_LIFETIME": DAY}
    seconds = timedelta(seconds=1)
    short = {"ACCESS_TOKEN_LIFETIME": seconds, "REFRESH_TOKEN_LIFETIME": 2 * seconds}
    settings.SIMPLE_JWT = longer
    first = api.login(alice)
    settings.TOKENS = {**settings.TOKENS, **NO_RETRIES}
    settings.SIMPLE_JWT = {**longer, **short}
    last = api.rotated(first["refresh"])
    api.post("logout/", {"refresh": last["refresh"]})
    clock.forward(hours=23)
    purge()
    settings.SIMPLE_JWT = longer
    revocations.invalidate()
    assert read(api, first).status_code == 401


@pytest.mark.trap(27)
def test_a_longer_leeway_after_a_purge_accepts_no_blacklisted_token(
    api: API, alice: User, clock: Clock, settings: Settings
) -> None:
    seconds = {"ACCESS_TOKEN_LIFETIME": timedelta(seconds=5), "LEEWAY": timedelta(0)}
    settings.TOKENS = {**settings.TOKENS, **NO_RETRIES}
    settings.SIMPLE_JWT = {**settings.SIMPLE_JWT, **seconds}
    pair = api.login(alice)
    blacklist(pair["access"], Reason.ADMIN)
    clock.forward(seconds=11)
    purge()
    settings.SIMPLE_JWT = {**settings.SIMPLE_JWT, "LEEWAY": timedelta(minutes=1)}
    revocations.invalidate()
    assert read(api, pair).status_code == 401
