"""A call with cookies needs the CSRF token, or it is refused and changes nothing."""

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from tests.conftest import API, PASSWORD
from tests.support.browsing import App, flags
from tests.tokens.http.cookie_calls import (
    Call,
    change_password,
    delete_account,
    end,
    login,
    logout,
    logout_all,
    logout_others,
    refresh,
    rename,
)
from tokens.models import DeviceSession

pytestmark = pytest.mark.django_db(transaction=True)

UNSAFE: tuple[Call, ...] = (
    *(login, refresh, logout, logout_all, logout_others),
    *(end, rename, change_password, delete_account),
)
unsafe = pytest.mark.parametrize("call", UNSAFE, ids=[call.__name__ for call in UNSAFE])


@pytest.mark.trap(30)
@pytest.mark.spec("ASVS 5.0", "3.5.1")
@unsafe
@pytest.mark.parametrize(
    "forged",
    [
        {"csrf": ""},
        {"csrf": "x" * 64},
        {"csrf": "short"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:8001"},
    ],
    ids=["none", "wrong", "malformed", "another site", "a sandbox", "another port"],
)
def test_a_request_of_another_origin_is_refused(
    app: App, call: Call, forged: dict[str, str]
) -> None:
    before = DeviceSession.objects.values().get()
    answer = call(app, **forged)
    assert (answer.status_code, answer.json()["code"]) == (403, "csrf_failed")
    assert not answer.cookies
    assert DeviceSession.objects.values().get() == before
    alice = User.objects.get()
    assert (alice.first_name, alice.check_password(PASSWORD)) == ("", True)


@pytest.mark.trap(30)
@unsafe
@pytest.mark.parametrize("origin", ["http://localhost:8000", "http://testserver"])
def test_the_same_request_of_this_origin_is_accepted(app: App, call: Call, origin: str) -> None:
    assert call(app, Origin=origin).status_code in (200, 204)


@pytest.mark.trap(30)
@unsafe
@pytest.mark.parametrize(
    ("referer", "status"),
    [("https://testserver/app/", True), ("https://evil.example/", False), ("", False)],
    ids=["here", "another site", "none"],
)
def test_over_https_a_request_needs_origin_or_referer(
    app: App, call: Call, referer: str, *, status: bool, settings: Settings
) -> None:
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    headers = {"X-Forwarded-Proto": "https", "Host": "testserver"}
    headers |= {"Referer": referer} if referer else {}
    assert (call(app, **headers).status_code in (200, 204)) is status


def test_the_csrf_token_is_public_and_not_cached(client: Client) -> None:
    first = client.get("/api/auth/csrf/")
    assert first["Cache-Control"] == "no-store"
    assert len(first.json()["csrfToken"]) == 64
    (cookie,) = first.cookies.values()
    assert cookie.key == "api-csrftoken"
    assert flags(cookie) == {
        "path": "/",
        "domain": "",
        "secure": "",
        "httponly": True,
        "samesite": "Strict",
    }
    assert client.get("/api/auth/csrf/").json() != first.json()
    assert client.post("/api/auth/csrf/").status_code == 405


def test_a_second_tab_keeps_the_csrf_token_of_the_first(app: App) -> None:
    App(client=app.client).prepare()
    assert app.post("auth/refresh/").status_code == 200


def test_requests_without_cookies_need_no_csrf_token(alice: User) -> None:
    strict = API(Client(enforce_csrf_checks=True))
    phone = strict.login(alice)
    strict.rotated(phone["refresh"])
    assert strict.post("logout/others/", bearer=phone["access"]).status_code == 200
    assert strict.post("logout/", {"refresh": phone["refresh"]}).status_code == 204
