"""A user or a program whose access token would be too long learns so before anything changes."""

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from tests.conftest import API, PASSWORD
from tests.support.roles import give_roles
from tests.tokens.oauth.conftest import OAuth, Service
from tokens.jwt.claims import MAX_TOKEN_LENGTH
from tokens.models import DeviceSession

pytestmark = pytest.mark.django_db(transaction=True)

LENGTH = 150  # characters of the longest name of a group


def test_a_sign_in_with_far_too_many_roles_is_refused(api: API, alice: User) -> None:
    give_roles(alice, 30, LENGTH)
    pair = api.login(alice)
    assert 6000 < len(pair["access"]) < MAX_TOKEN_LENGTH
    give_roles(alice, 60, LENGTH)
    refused = api.post("login/", {"username": alice.username, "password": PASSWORD})
    assert (refused.status_code, refused.json()["code"]) == (400, "token_too_large")
    assert DeviceSession.objects.count() == 1


def test_a_session_survives_until_the_roles_are_removed(api: API, alice: User) -> None:
    """A refused refresh would lose the successor, and so the session."""
    pair = api.login(alice)
    give_roles(alice, 60, LENGTH)
    pair = api.rotated(pair["refresh"])
    assert len(pair["access"]) > MAX_TOKEN_LENGTH
    Group.objects.all().delete()
    assert len(api.rotated(pair["refresh"])["access"]) < MAX_TOKEN_LENGTH


@pytest.fixture
def wide(service: Service, settings: Settings) -> Service:
    """A program with more scopes than fit into an access token. It may introspect tokens."""
    scopes = {f"{number:02}{'s' * 98}": "One of many." for number in range(80)}
    settings.TOKENS = {**settings.TOKENS, "SCOPES": scopes, "SERVICE_SECRETS_AS_TOKENS": True}
    service.account.scope = " ".join(["introspect", *scopes])
    service.account.save()
    return service


def test_a_program_learns_that_its_token_would_be_too_long(oauth: OAuth, wide: Service) -> None:
    form = {"grant_type": "client_credentials", **wide.credentials}
    refused = oauth.post("token", form)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")
    assert oauth.post("token", {**form, "scope": "introspect"}).status_code == 200


def test_an_introspection_is_refused_if_the_token_would_be_too_long(
    oauth: OAuth, wide: Service
) -> None:
    """The site uses the complete token of the account, so the client cannot narrow it."""
    refused = oauth.post("introspect", {"token": "garbage", **wide.credentials})
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")
    assert "too large" in refused.json()["error_description"]


@pytest.mark.parametrize("path", ["/api/example/", "/api/auth/sessions/"])
def test_a_secret_is_refused_if_the_token_would_be_too_long(wide: Service, path: str) -> None:
    refused = Client().get(path, headers={"Authorization": f"Bearer {wide.secret}"})
    assert (refused.status_code, refused.json()["code"]) == (400, "token_too_large")
    assert "its account has too many scopes" in refused.json()["detail"]
