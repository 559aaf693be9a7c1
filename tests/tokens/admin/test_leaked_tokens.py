"""The first page of the admin takes a leaked token, and ends its session if that is wanted."""

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from tests.conftest import API, Clock, row
from tests.support.staff import BLACKLIST
from tests.tokens.admin.pages import staff
from tests.tokens.oauth.conftest import OAuth, Service
from tokens.models import BlacklistedToken, Reason

pytestmark = pytest.mark.django_db

ADD = f"{BLACKLIST}add/"


def test_the_first_page_takes_a_leaked_token(carol: Client) -> None:
    page = carol.get("/admin/").content.decode()
    assert "A token or secret has leaked" in page
    assert f'<form method="post" action="{ADD}"' in page


def test_the_form_needs_the_permission(db: None) -> None:
    page = staff("dave", "view_blacklistedtoken").get("/admin/").content.decode()
    assert "A token or secret has leaked" not in page


def test_the_session_of_an_access_token_ends_if_wanted(
    api: API, alice: User, carol: Client
) -> None:
    phone, laptop = api.login(alice, "phone"), api.login(alice, "laptop")
    pasted = {"token": phone["access"], "end_session": "on"}
    shown = carol.post(ADD, pasted, follow=True).content.decode()
    assert "Blacklisted: an access token of alice." in shown
    assert "Revoked: the session of alice on phone." in shown
    assert (row(phone).revoked_reason, row(laptop).revoked_reason) == (Reason.ADMIN, "")
    assert LogEntry.objects.count() == 2
    assert api.refresh(phone["refresh"]).status_code == 401


def test_a_token_that_was_blacklisted_before_is_not_reported_again(
    api: API, alice: User, carol: Client
) -> None:
    pasted = {"token": api.login(alice)["access"]}
    carol.post(ADD, pasted, follow=True)
    shown = carol.post(ADD, pasted).content.decode()
    assert "This token was blacklisted before." in shown
    assert "Blacklisted: an access token" not in shown
    assert LogEntry.objects.count() == 1


@pytest.mark.parametrize("before", ["blacklisted", "expired"])
def test_the_session_of_an_invalid_access_token_ends_too(
    api: API, alice: User, carol: Client, clock: Clock, before: str
) -> None:
    phone = api.login(alice, "phone")
    if before == "blacklisted":
        carol.post(ADD, {"token": phone["access"]})
    else:
        clock.forward(minutes=6)
    pasted = {"token": phone["access"], "end_session": "on"}
    shown = carol.post(ADD, pasted, follow=True).content.decode()
    assert "Revoked: the session of alice on phone." in shown
    assert row(phone).revoked_reason == Reason.ADMIN
    assert "Ended:" not in carol.post(ADD, pasted, follow=True).content.decode()


def test_a_refresh_token_of_another_issuer_ends_its_session(
    api: API, alice: User, carol: Client, settings: Settings
) -> None:
    phone = api.login(alice, "phone")
    settings.SIMPLE_JWT = {**settings.SIMPLE_JWT, "ISSUER": "https://id.example.org"}
    carol.post(ADD, {"token": f"two tokens: {phone['refresh']} {phone['access']}"}, follow=True)
    assert row(phone).revoked_reason == Reason.ADMIN


def test_an_access_token_of_a_service_disables_no_secret(
    oauth: OAuth, service: Service, carol: Client
) -> None:
    issued = oauth.issued(service, grant_type="client_credentials")
    carol.post(ADD, {"token": str(issued), "end_session": "on"})
    assert BlacklistedToken.objects.get().jti == issued["jti"]
    oauth.issued(service, grant_type="client_credentials")


def test_a_session_with_more_rights_is_spared(api: API, alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(is_superuser=True)
    phone = api.login(alice)
    dave = staff("dave", "add_blacklistedtoken")
    shown = dave.post(ADD, {"token": phone["access"], "end_session": "on"}).content.decode()
    assert "has rights that you do not have" in shown
    assert row(phone).revoked_at is None
