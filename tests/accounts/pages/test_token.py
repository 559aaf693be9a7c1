"""The page that explains an access token shows one that no endpoint accepts."""

import re

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accounts.models import User
from accounts.pages import token as page
from tests.conftest import API
from tests.support.people import signed_in
from tests.tokens.jwt.forging import parts
from tokens.keys.keyring import keyring
from tokens.models import DeviceSession

pytestmark = pytest.mark.django_db


def token_on(client: Client) -> str:
    """Return the token that the page shows."""
    html = client.get("/tokens/").content.decode()
    found = re.findall(r'data-part="\w+">([\w-]+)</code>', html)
    assert len(found) == 3
    return ".".join(found)


def test_the_token_is_of_the_person_and_their_session(alice: User) -> None:
    alice.groups.add(Group.objects.create(name="shipping"))
    person = signed_in(alice)
    _, claims = parts(token_on(person.client))
    assert claims["sub"] == str(alice.pk)
    assert claims["sid"] == str(DeviceSession.objects.get(user=alice).sid)
    assert claims["roles"] == ["shipping"]


def test_a_visitor_sees_the_token_of_an_invented_person(client: Client) -> None:
    client.get("/tokens/")  # creates the signing key
    with CaptureQueriesContext(connection) as captured:
        shown = token_on(client)
    assert parts(shown)[0]["kid"] == keyring.current().signer.kid
    assert not User.objects.exists()
    assert not DeviceSession.objects.exists()
    assert not [query for query in captured if query["sql"].startswith(("INSERT", "UPDATE"))]


@pytest.mark.spec("RFC 9068", "4")
@pytest.mark.parametrize("known", [True, False], ids=["person", "visitor"])
def test_no_endpoint_accepts_the_token(api: API, alice: User, client: Client, known: bool) -> None:
    token = token_on(signed_in(alice).client if known else client)
    assert api.post("verify/", {"token": token}).status_code == 401
    assert api.get("sessions/", bearer=token).status_code == 401
    assert api.get("userinfo/", bearer=token).status_code == 401
    assert api.refresh(token).status_code == 401


def test_every_claim_has_an_explanation(alice: User) -> None:
    header, claims = parts(token_on(signed_in(alice).client))
    assert header.keys() <= page.HEADER.keys()
    assert claims.keys() <= page.CLAIMS.keys()


def test_the_page_contains_no_refresh_token(alice: User) -> None:
    html = signed_in(alice).client.get("/tokens/").content.decode()
    assert len(re.findall(r"eyJ[\w-]+", html)) == 2  # header and claims of one access token


def test_no_cache_keeps_the_page(alice: User, client: Client) -> None:
    for visitor in (client, signed_in(alice).client):
        assert "no-store" in visitor.get("/tokens/")["Cache-Control"]


def test_the_page_needs_at_most_four_queries(alice: User, settings: Settings) -> None:
    person = signed_in(alice)
    person.client.get("/tokens/")
    with CaptureQueriesContext(connection) as captured:
        person.client.get("/tokens/")
    assert len(captured) <= 4
