"""carol administers the site; alice is signed in on her phone."""

from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from tests.conftest import API
from tests.tokens.admin.pages import staff
from tests.tokens.oauth.conftest import PAYMENTS, SCOPES, SITE, OAuth, Service, create_service


@pytest.fixture
def carol(db: None) -> Client:
    client = staff("carol")
    User.objects.filter(username="carol").update(is_superuser=True)
    return client


@pytest.fixture
def phone(api: API, alice: User) -> dict[str, Any]:
    return api.login(alice)


@pytest.fixture
def known_scopes(settings: Settings) -> None:
    settings.TOKENS = {**settings.TOKENS, "SCOPES": SCOPES}
    settings.SIMPLE_JWT = {**settings.SIMPLE_JWT, "AUDIENCE": [SITE, PAYMENTS]}


@pytest.fixture
def service(db: None, known_scopes: None) -> Service:
    """The program "orders", which has a secret."""
    return create_service(scope="orders:read", audience=SITE)


@pytest.fixture
def oauth() -> OAuth:
    return OAuth()
