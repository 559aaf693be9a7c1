"""The sign-out page: people sign out by a button, and the page confirms it."""

import pytest
from django.conf import settings as site
from django.test import Client

from accounts.models import User
from tests.conftest import API
from tests.support.people import Person, newest, signed_in
from tokens.models import DeviceSession, Reason

pytestmark = pytest.mark.django_db

NOT_SAVED = "You are signed out, so the form was not saved."


@pytest.mark.spec("ASVS 5.0", "7.4.1", "7.4.4")
@pytest.mark.spec("ASVS 5.0", "14.3.1")
def test_signing_out_revokes_the_session_and_says_so(api: API, alice: User) -> None:
    phone, person = api.login(alice), signed_in(alice)
    answer = person.post("logout/")
    assert (answer.status_code, answer["Location"]) == (302, "/accounts/logout/")
    assert answer["Clear-Site-Data"] == '"cache", "storage"'
    assert "You are signed out" in person.get("logout/").text
    assert newest(alice).revoked_reason == Reason.LOGOUT
    assert not person.is_signed_in
    api.rotated(phone["refresh"])


def test_a_stolen_cookie_is_useless_after_signing_out(alice: User) -> None:
    person = signed_in(alice)
    stolen = person.client.cookies[site.SESSION_COOKIE_NAME].value
    person.post("logout/")
    thief = Person()
    thief.client.cookies[site.SESSION_COOKIE_NAME] = stolen
    assert not thief.is_signed_in


def test_opening_the_page_does_not_sign_out(alice: User) -> None:
    person = signed_in(alice)
    page = person.get("logout/")
    assert "<button>Sign out</button>" in page.text
    assert "You are signed out" not in page.text
    assert newest(alice).revoked_at is None
    assert person.is_signed_in


def test_signing_out_without_a_session_writes_nothing() -> None:
    person = Person()
    assert person.post("logout/")["Location"] == "/accounts/logout/"
    assert "You are signed out" in person.get("logout/").text
    assert not DeviceSession.objects.exists()


@pytest.mark.spec("ASVS 5.0", "3.5.1")
def test_signing_out_needs_a_csrf_token(alice: User) -> None:
    person = Person(Client(enforce_csrf_checks=True))
    person.client.force_login(alice)
    assert person.post("logout/").status_code == 403
    assert person.is_signed_in


@pytest.mark.parametrize("path", ["/accounts/", "/admin/auth/group/add/"])
def test_the_sign_in_page_mentions_a_form_that_was_not_saved(alice: User, path: str) -> None:
    """The person signed out in another tab, while this one shows a form."""
    alice.is_staff = alice.is_superuser = True
    alice.save()
    person = signed_in(alice)
    assert NOT_SAVED not in person.client.get(path).text
    person.post("logout/")
    page = person.client.post(path, {"first_name": "Alice", "name": "editors"}, follow=True)
    assert page.redirect_chain[-1] == (f"/accounts/login/?next={path}", 302)
    assert NOT_SAVED in page.text
    assert NOT_SAVED not in person.client.get(path, follow=True).text


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/accounts/logout/", {"next": "/admin/"}),
        ("/admin/auth/group/add/", {}),
        ("/accounts/login/", {"username": "alice"}),
    ],
    ids=["use another account", "not an administrator", "wrong password"],
)
def test_nothing_is_said_about_other_forms(alice: User, path: str, fields: dict[str, str]) -> None:
    page = signed_in(alice).client.post(path, fields, follow=True)
    assert page.status_code in (200, 400, 403)
    assert NOT_SAVED not in page.text


def test_a_failed_sign_in_is_not_a_form_that_was_not_saved(client: Client, alice: User) -> None:
    """The message would appear on the page after the answer."""
    client.post("/accounts/login/", {"username": "alice", "password": "wrong"})
    assert NOT_SAVED not in client.get("/accounts/login/").text
