"""A broken, stale or superfluous cookie prevents neither sign-in nor sign-out."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from tests.conftest import API, Clock, row
from tests.support.browsing import App
from tests.tokens.http.cookie_calls import active_session
from tokens.http import cookies
from tokens.models import DeviceSession, Reason

pytestmark = pytest.mark.django_db(transaction=True)

GARBAGE = ["", "garbage", "a.b.c", "x" * 5000, '"quoted"', "ä"]


@pytest.mark.trap(31)
@pytest.mark.parametrize("left", GARBAGE, ids=lambda text: text[:8] or "empty")
def test_invalid_cookies_do_not_prevent_signing_in(alice: User, left: str) -> None:
    app, api = App(), API(Client())
    for kind in ("access", "refresh"):
        app.plant(kind, left)
        api.client.cookies[kind] = left
    assert app.login(alice).status_code == 200
    assert app.get("account/me/").status_code == 200
    phone = api.login(alice)
    api.rotated(phone["refresh"])
    assert api.get("sessions/", bearer=phone["access"]).status_code == 200


@pytest.mark.trap(31)
@pytest.mark.parametrize("left", GARBAGE, ids=lambda text: text[:8] or "empty")
def test_invalid_cookies_do_not_prevent_signing_out(app: App, alice: User, left: str) -> None:
    phone = API(Client()).login(alice)
    app.plant("access", left)
    app.plant("refresh", left)
    body = app.post("auth/logout/", {"refresh": phone["refresh"]})
    assert (body.status_code, row(phone).revoked_reason) == (204, Reason.LOGOUT)
    answer = app.post("auth/logout/")
    assert answer.status_code == 204
    assert set(answer.cookies) == {"access", "refresh"}


@pytest.mark.trap(31)
def test_a_stale_cookie_prevents_no_sign_in_or_sign_out(
    app: App, alice: User, clock: Clock
) -> None:
    stale = app.cookie("refresh")
    DeviceSession.objects.all().revoke(Reason.ADMIN)
    assert app.login(alice).status_code == 200
    app.plant("refresh", stale)
    clock.forward(days=20)
    assert app.post("auth/logout/").status_code == 204
    app.plant("refresh", stale)
    assert app.login(alice).status_code == 200
    app.plant("refresh", stale)
    phone = API(app.client).login(alice)
    assert app.post("auth/logout/", {"refresh": phone["refresh"]}).status_code == 204


def test_signing_out_without_a_token_succeeds(alice: User) -> None:
    app = App()
    app.prepare()
    assert app.post("auth/logout/").status_code == 204
    assert app.post("auth/refresh/").status_code == 400


@pytest.mark.parametrize("path", ["auth/refresh/", "auth/logout/"])
@pytest.mark.parametrize("body", [{"refresh": ""}, {"refresh": None}, [None]], ids=str)
def test_an_invalid_body_does_not_fall_back_to_the_cookie(app: App, path: str, body: Any) -> None:
    assert app.post(path, body).status_code == 400
    assert active_session().generation == 1


@pytest.mark.trap(32)
@pytest.mark.parametrize("path", ["auth/refresh/", "auth/logout/"])
def test_a_token_in_the_body_and_one_in_the_cookie_are_400(
    app: App, alice: User, path: str
) -> None:
    phone = API(Client()).login(alice)
    answer = app.post(path, {"refresh": phone["refresh"]})
    assert answer.status_code == 400
    assert set(answer.json()) == {"refresh"}
    assert DeviceSession.objects.active().count() == 2
    assert row(phone).generation == 1


@pytest.mark.trap(36)
@pytest.mark.parametrize(
    "header", ["Bearer garbage", "Bearer", "Basic YWxpY2U6eA==", "garbage", ""]
)
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_bad_header_does_not_fall_back_to_the_cookie(app: App, header: str, method: str) -> None:
    path = "account/me/" if method == "get" else "auth/logout/others/"
    answer = getattr(app, method)(path, Authorization=header)
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert app.get("account/me/").status_code == 200


@pytest.mark.trap(36)
def test_a_valid_header_wins_over_the_cookie(app: App, bob: User) -> None:
    phone = API(Client()).login(bob)
    answer = app.get("account/me/", Authorization=f"Bearer {phone['access']}")
    assert answer.json()["username"] == "bob"
    ended = app.post("auth/logout/all/", csrf="", Authorization=f"Bearer {phone['access']}")
    assert (ended.json(), set(ended.cookies)) == ({"ended": 1}, set())
    assert app.get("account/me/").status_code == 200


@pytest.mark.parametrize("kind", ["access", "refresh"])
def test_a_token_in_the_cookie_of_the_other_is_refused(app: App, kind: cookies.TokenName) -> None:
    app.plant(kind, app.cookie("refresh" if kind == "access" else "access"))
    answer = app.get("account/me/") if kind == "access" else app.post("auth/refresh/")
    assert (answer.status_code, answer.json()["code"]) == (401, "token_not_valid")
