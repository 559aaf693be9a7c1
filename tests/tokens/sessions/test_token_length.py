"""A user or a program whose access token would be too long learns so before anything changes."""

import pytest
from django.contrib.auth.models import Group
from pytest_django import Settings

from accounts.models import User
from tests.conftest import API, PASSWORD
from tests.tokens.oauth.conftest import OAuth, Service
from tokens.jwt.claims import MAX_TOKEN_LENGTH
from tokens.models import DeviceSession

pytestmark = pytest.mark.django_db(transaction=True)


def give_roles(user: User, count: int) -> None:
    groups = [Group(name=f"{number:03}{'r' * 147}") for number in range(count)]
    user.groups.set(Group.objects.bulk_create(groups))


def test_a_sign_in_with_far_too_many_roles_is_refused(api: API, alice: User) -> None:
    give_roles(alice, 30)
    pair = api.login(alice)
    assert 6000 < len(pair["access"]) < MAX_TOKEN_LENGTH
    give_roles_instead(alice, 60)
    refused = api.post("login/", {"username": alice.username, "password": PASSWORD})
    assert (refused.status_code, refused.json()["code"]) == (400, "token_too_large")
    assert DeviceSession.objects.count() == 1


def give_roles_instead(user: User, count: int) -> None:
    Group.objects.all().delete()
    give_roles(user, count)


def test_a_session_survives_until_the_roles_are_removed(api: API, alice: User) -> None:
    """A refused refresh would lose the successor, and so the session."""
    pair = api.login(alice)
    give_roles(alice, 60)
    pair = api.rotated(pair["refresh"])
    assert len(pair["access"]) > MAX_TOKEN_LENGTH
    Group.objects.all().delete()
    assert len(api.rotated(pair["refresh"])["access"]) < MAX_TOKEN_LENGTH


def test_a_program_learns_that_its_token_would_be_too_long(
    oauth: OAuth, service: Service, settings: Settings
) -> None:
    scopes = {f"{number:02}{'s' * 98}": "One of many." for number in range(80)}
    settings.TOKENS = {**settings.TOKENS, "SCOPES": scopes}
    service.account.scope = " ".join(scopes)
    service.account.save()
    form = {"grant_type": "client_credentials", **service.credentials}
    refused = oauth.post("token", form)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")
    assert oauth.post("token", {**form, "scope": min(scopes)}).status_code == 200
