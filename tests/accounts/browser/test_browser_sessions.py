"""A sign-in in a browser is a device session with a separate secret as its cookie."""

import math
import re

import pytest
from asgiref.sync import async_to_sync
from django.conf import settings as shipped
from django.contrib.auth import alogin, alogout
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.models import Session
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext

from accounts.browser.middleware import AuthenticationMiddleware, SessionMiddleware
from accounts.browser.sessiondata.database import SessionStore
from accounts.models import User
from tests.conftest import API, Listen, row
from tests.support.visits import Browser
from tokens import signals
from tokens.models import DeviceSession, Kind, Reason

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.support.visits")]


@pytest.mark.spec("ASVS 5.0", "14.3.2")
def test_a_page_that_shows_the_user_is_not_cached(laptop: Browser) -> None:
    """Guards AuthenticationMiddleware.process_response: no view or decorator sets the header."""
    page = laptop.client.get("/greet/")
    assert (page.content, page["Cache-Control"]) == (b"Hello, alice!", "no-store")
    assert "Cache-Control" not in laptop.client.get("/idle/")
    assert "Cache-Control" not in Client().get("/greet/")


@pytest.mark.spec("ASVS 5.0", "14.3.2")
def test_the_answer_to_a_sign_in_is_not_cached(alice: User) -> None:
    """Guards that the new session is the one of the request: it may answer with the user's page."""
    assert Browser().sign_in()["Cache-Control"] == "no-store"


@pytest.mark.django_db(transaction=True)
def test_a_sign_in_opens_a_listed_session(api: API, alice: User, heard: Listen) -> None:
    begun = heard(signals.session_started)
    laptop = Browser(Client(headers={"User-Agent": "Lynx/2.9"}))
    laptop.sign_in()
    session = laptop.row
    assert laptop.name == "alice"
    assert (session.user, session.kind, session.user_agent) == (alice, Kind.BROWSER, "Lynx/2.9")
    assert session.ip_address == "127.0.0.1"
    alice.refresh_from_db()
    assert alice.last_login == session.auth_time
    phone = api.login(alice)
    listed = api.get("sessions/", bearer=phone["access"]).json()
    assert [(entry["kind"], entry["current"]) for entry in listed] == [
        ("token", True),
        ("browser", False),
    ]
    assert [event["session"].sid for event in begun] == [session.sid, row(phone).sid]


def test_the_admin_checks_the_same_row(laptop: Browser, alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(is_staff=True)
    assert laptop.client.get("/admin/").status_code == 200
    DeviceSession.objects.all().revoke(Reason.ADMIN)
    assert laptop.client.get("/admin/").status_code == 302


@pytest.mark.spec("ASVS 5.0", "7.2.1", "7.2.2", "7.2.3")
def test_the_cookie_is_a_secret_that_only_the_pages_accept(alice: User) -> None:
    keys = set()
    for _ in range(3):
        laptop = Browser()
        laptop.sign_in()
        keys.add(laptop.key)
        assert re.fullmatch("[a-z0-9]{32}", laptop.key)
    assert len(keys) == 3
    assert 32 * math.log2(36) >= 128  # bits


@pytest.mark.django_db(transaction=True)
@pytest.mark.spec("ASVS 5.0", "7.4.1")
def test_signing_out_revokes_the_session_and_deletes_the_data(
    laptop: Browser, heard: Listen
) -> None:
    ended, session, key = heard(signals.session_ended), laptop.row, laptop.key
    answer = laptop.client.post("/leave/")
    assert answer.cookies[shipped.SESSION_COOKIE_NAME]["max-age"] == 0
    session.refresh_from_db()
    assert session.revoked_reason == Reason.LOGOUT
    assert [event["session"].sid for event in ended] == [session.sid]
    assert not Session.objects.exists()
    laptop.client.cookies[shipped.SESSION_COOKIE_NAME] = key
    assert laptop.name == ""


@pytest.mark.spec("ASVS 5.0", "7.2.4")
@pytest.mark.parametrize("next_user", ["alice", "bob"])
def test_signing_in_again_replaces_the_session_and_the_cookie(
    laptop: Browser, bob: User, next_user: str
) -> None:
    """Guards the revocation in `flush`, which Django calls when another user signs in."""
    key, before = laptop.key, laptop.row
    laptop.sign_in(next_user)
    before.refresh_from_db()
    assert before.revoked_reason == Reason.LOGOUT
    assert laptop.key != key
    assert (laptop.name, laptop.row.pk != before.pk) == (next_user, True)
    stale = Browser()
    stale.client.cookies[shipped.SESSION_COOKIE_NAME] = key
    assert stale.name == ""


def test_a_page_can_set_a_cookie_that_scripts_read() -> None:
    """Guards that SessionMiddleware.process_response changes deleted cookies only."""

    def view(request: HttpRequest) -> HttpResponse:
        response = HttpResponse()
        response.set_cookie("theme", "dark")
        return response

    answer = SessionMiddleware(view)(RequestFactory().get("/"))
    assert not answer.cookies["theme"]["httponly"]


def test_signing_in_again_keeps_the_other_browsers_signed_in(laptop: Browser, alice: User) -> None:
    phone = Browser()
    phone.sign_in()
    laptop.sign_in()
    assert (laptop.name, phone.name) == ("alice", "alice")


@pytest.mark.spec("ASVS 5.0", "7.2.4")
def test_the_cookie_from_before_the_sign_in_is_useless(alice: User) -> None:
    visitor = Browser()
    planted = visitor.client.session
    planted["basket"] = "full"
    planted.save()
    visitor.client.cookies[shipped.SESSION_COOKIE_NAME] = str(planted.session_key)
    visitor.sign_in()
    assert visitor.key != planted.session_key
    thief = Browser()
    thief.client.cookies[shipped.SESSION_COOKIE_NAME] = str(planted.session_key)
    assert (thief.name, visitor.name) == ("", "alice")


@pytest.mark.parametrize("sid", ["00000000-0000-4000-8000-000000000000", "of the phone"])
def test_data_with_an_invalid_session_id_is_anonymous(
    api: API, laptop: Browser, alice: User, sid: str
) -> None:
    phone = api.login(alice)
    data = laptop.client.session
    data["_device_session"] = phone["session"] if sid == "of the phone" else sid
    data.save()
    assert laptop.name == ""
    api.rotated(phone["refresh"])


def test_data_without_a_device_session_is_anonymous(alice: User) -> None:
    visitor = Browser()
    data = visitor.client.session
    data["_auth_user_id"] = str(alice.pk)
    data.save()
    visitor.client.cookies[shipped.SESSION_COOKIE_NAME] = str(data.session_key)
    assert visitor.name == ""


def test_a_signed_in_request_costs_two_queries(
    laptop: Browser,
) -> None:
    laptop.client.get("/who/")
    with CaptureQueriesContext(connection) as captured:
        laptop.client.get("/who/")
    assert len(captured) == 2, captured.captured_queries
    with CaptureQueriesContext(connection) as captured:
        laptop.client.get("/idle/")
    assert len(captured) == 0


def test_asynchronous_code_signs_in_and_out(alice: User) -> None:
    request = RequestFactory().get("/")
    request.session = SessionStore()
    AuthenticationMiddleware(lambda request: HttpResponse()).process_request(request)
    assert not async_to_sync(request.auser)().is_authenticated

    async def in_and_out() -> list[str]:
        await alogin(request, alice)
        names = [(await request.auser()).get_username()]
        await request.session.asave()
        await alogout(request)
        return names

    assert async_to_sync(in_and_out)() == ["alice"]
    assert DeviceSession.objects.get().revoked_reason == Reason.LOGOUT
    assert not Session.objects.exists()


def test_only_the_session_row_records_the_sign_in() -> None:
    receivers = [str(lookup[0]) for lookup, *_ in user_logged_in.receivers]
    assert not [name for name in receivers if "update_last_login" in name]
