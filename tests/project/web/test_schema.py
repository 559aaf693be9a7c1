"""Requests that Schemathesis makes of the OpenAPI document get answers that the document describes.

Schemathesis makes good and bad requests, the same ones every time. No answer may be an error of the
site, or have a status, a header or a shape that the document does not name.
"""

import base64
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import schemathesis
from django.conf import settings
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from schemathesis.specs.openapi.checks import ignored_auth

from accounts.models import User
from project.wsgi import application
from tests.conftest import HASHED
from tests.support import shipped
from tokens.http import cookies
from tokens.jwt import claims
from tokens.models import ServiceAccount
from tokens.service_accounts.accounts import create_secret
from tokens.sessions.lifecycle import Device, open_session

pytestmark = pytest.mark.django_db

CONFIG = {
    "seed": 6819,
    "generation": {"deterministic": True, "max-examples": 25, "unique-inputs": True},
    # What a user name, a password or a token may be is decided by more than their schemas.
    "checks": {"positive_data_acceptance": {"enabled": False}},
}
pytestmark = pytest.mark.django_db
described = schemathesis.openapi.from_wsgi(
    "/api/schema/", application, config=schemathesis.Config.from_dict(CONFIG)
).include(path=[*shipped.described(shipped.API | shipped.OAUTH)])

oauth = schemathesis.openapi.from_wsgi(
    "/api/schema/", application, config=schemathesis.Config.from_dict(CONFIG)
).include(path=[*shipped.OAUTH])


@pytest.fixture
def one_connection() -> Iterator[None]:
    """Keep the test's connection after a request, as Django's own test client does."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


def signed_in() -> claims.Pair:
    """Return the tokens of alice. Create her again if an earlier case deleted her."""
    user = User.objects.first() or User.objects.create(username="alice", password=HASHED)
    pair = open_session(user, Device())
    assert pair is not None
    return pair


@pytest.mark.slow
@described.parametrize()
@pytest.mark.usefixtures("alice", "one_connection")
def test_every_answer_without_a_token_is_documented(case: schemathesis.Case[Any]) -> None:
    case.call_and_validate()


@pytest.mark.slow
@described.parametrize()
@pytest.mark.usefixtures("alice", "one_connection")
def test_every_answer_with_a_token_is_documented(case: schemathesis.Case[Any]) -> None:
    pair = signed_in()
    case.call_and_validate(headers={"Authorization": f"Bearer {pair.access}"})


@pytest.mark.slow
@described.parametrize()
@pytest.mark.usefixtures("alice", "one_connection")
def test_every_answer_with_cookies_is_documented(case: schemathesis.Case[Any]) -> None:
    pair = signed_in()
    secret = "s" * 32
    kept = {
        cookies.cookie_name("access"): str(pair.access),
        cookies.cookie_name("refresh"): str(pair.refresh),
        settings.CSRF_COOKIE_NAME: secret,
    }
    # This check removes credentials, but not the cookies of the test case.
    case.call_and_validate(
        cookies=kept, headers={"X-CSRFToken": secret}, excluded_checks=[ignored_auth]
    )


@pytest.mark.slow
@oauth.parametrize()
@pytest.mark.usefixtures("one_connection")
def test_every_answer_to_a_service_account_is_documented(case: schemathesis.Case[Any]) -> None:
    """By HTTP Basic, with a body of the case's own."""
    account, _ = ServiceAccount.objects.get_or_create(name="inspector", scope="introspect")
    _, secret = create_secret(account, lifetime=timedelta(days=1))
    pair = f"{account.pk}:{secret}".encode()
    case.call_and_validate(headers={"Authorization": f"Basic {base64.b64encode(pair).decode()}"})
