"""A service account with a secret, and the scopes and audiences that it can have."""

import pytest
from pytest_django import Settings

from tests.tokens.oauth.conftest import PAYMENTS, SCOPES, SITE, OAuth, Service, create_service
from tokens.service_accounts.cache import cache


@pytest.fixture
def oauth() -> OAuth:
    return OAuth()


@pytest.fixture
def known_scopes(settings: Settings) -> None:
    settings.TOKENS = {**settings.TOKENS, "SCOPES": SCOPES}
    settings.SIMPLE_JWT = {**settings.SIMPLE_JWT, "AUDIENCE": [SITE, PAYMENTS]}
    cache.clear()


@pytest.fixture
def service(known_scopes: None, db: None) -> Service:
    return create_service(scope="orders:read orders:write", audience=f"{SITE} {PAYMENTS}")
