"""Signing in, signing out and changing the password set and delete the cookies of this browser."""

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from tests.conftest import API, row
from tests.support.browsing import App, flags
from tests.tokens.http.cookie_calls import (
    Call,
    active_session,
    change_password,
    delete_account,
    end,
    logout,
    logout_all,
)
from tokens.models import DeviceSession, Reason

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.spec("ASVS 5.0", "7.2.4")
def test_signing_in_again_revokes_the_browsers_session(app: App, alice: User, bob: User) -> None:
    before = active_session()
    other = API(Client()).login(alice)
    app.login(bob)
    before.refresh_from_db()
    assert before.revoked_reason == Reason.LOGOUT
    assert row(other).revoked_at is None
    assert app.get("account/me/").json()["username"] == "bob"


def test_a_wrong_password_changes_no_session_and_no_cookie(app: App) -> None:
    before = active_session()
    body = {"username": "alice", "password": "wrong", "transport": "cookie"}
    answer = app.post("auth/login/", body)
    assert (answer.status_code, set(answer.cookies)) == (401, set())
    assert active_session() == before


@pytest.mark.trap(33)
@pytest.mark.spec("ASVS 5.0", "14.3.1", "7.4.1")
@pytest.mark.parametrize("secure", [True, False], ids=["https", "a first try"])
@pytest.mark.parametrize("call", [logout, logout_all, end, delete_account])
def test_signing_out_deletes_the_cookies_as_they_were_set(
    alice: User, settings: Settings, call: Call, *, secure: bool
) -> None:
    settings.TOKENS = {**settings.TOKENS, "COOKIES_SECURE": secure}
    app = App()
    given = app.login(alice).cookies
    answer = call(app)
    assert answer.status_code in (200, 204)
    assert answer["Clear-Site-Data"] == '"cache", "storage"'
    assert set(answer.cookies) == set(given)
    for name, morsel in answer.cookies.items():
        assert (morsel.value, morsel["max-age"]) == ("", 0)
        assert flags(morsel) == flags(given[name])
    assert not DeviceSession.objects.active().exists()


def test_signing_out_by_the_body_keeps_the_cookies(api: API, alice: User) -> None:
    answer = api.post("logout/", {"refresh": api.login(alice)["refresh"]})
    assert (set(answer.cookies), "Clear-Site-Data" in answer) == (set(), False)


def test_revoking_another_session_keeps_the_cookies(app: App, alice: User) -> None:
    phone = API(Client()).login(alice)
    answer = app.send("delete", f"auth/sessions/{phone['session']}/")
    assert (answer.status_code, set(answer.cookies)) == (204, set())
    assert "Clear-Site-Data" not in answer
    assert row(phone).revoked_reason == Reason.LOGOUT


def test_revoking_a_bearer_session_keeps_the_cookies(app: App, alice: User) -> None:
    phone = API(Client()).login(alice)
    path = f"auth/sessions/{phone['session']}/"
    answer = app.send("delete", path, Authorization=f"Bearer {phone['access']}")
    assert (answer.status_code, set(answer.cookies)) == (204, set())
    assert app.get("account/me/").status_code == 200


def test_signing_out_others_keeps_this_browser(app: App, alice: User) -> None:
    phone = API(Client()).login(alice)
    assert app.post("auth/logout/others/").json() == {"ended": 1}
    assert row(phone).revoked_reason == Reason.LOGOUT_ALL
    assert app.post("auth/refresh/").status_code == 200


@pytest.mark.spec("ASVS 5.0", "7.4.3")
def test_a_password_change_sets_new_cookies(app: App) -> None:
    before = active_session()
    answer = change_password(app)
    assert answer.status_code == 200
    assert set(answer.cookies) == {"access", "refresh"}
    assert not {"access", "refresh"} & answer.json().keys()
    assert answer.json()["session"] == str(active_session().sid) != str(before.sid)
    assert app.post("auth/refresh/").status_code == 200
