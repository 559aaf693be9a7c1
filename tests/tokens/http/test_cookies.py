"""The tokens are in cookies that no script reads, and nowhere else."""

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from tests.conftest import Clock
from tests.support.browsing import App, flags
from tests.tokens.http.cookie_calls import active_session
from tests.tokens.jwt.forging import parts

pytestmark = pytest.mark.django_db(transaction=True)

DAY = 24 * 3600


@pytest.mark.trap(32)
@pytest.mark.spec("ASVS 5.0", "3.3.4")
@pytest.mark.usefixtures("clock")
def test_a_sign_in_returns_the_tokens_in_cookies_only(alice: User) -> None:
    app = App()
    answer = app.login(alice)
    assert answer["Cache-Control"] == "no-store"
    assert answer.json() == {
        "token_type": "Bearer",
        "expires_in": 300,
        "refresh_expires_in": 14 * DAY,
        "session": str(active_session().sid),
        "generation": 1,
    }
    assert set(answer.cookies) == {"access", "refresh"}
    assert parts(app.cookie("access"))[1]["token_type"] == "access"
    assert parts(app.cookie("refresh"))[1]["token_type"] == "refresh"


@pytest.mark.trap(34)
@pytest.mark.spec("ASVS 5.0", "3.3.1", "3.3.2", "3.3.3", "3.3.4")
@pytest.mark.spec("RFC 6265bis", "4.1.2.5", "4.1.2.6", "4.1.2.7", "4.1.3.2")
@pytest.mark.parametrize("secure", [True, False], ids=["https", "a first try"])
def test_each_cookie_is_http_only_and_for_this_host(
    alice: User, settings: Settings, *, secure: bool
) -> None:
    settings.TOKENS = {**settings.TOKENS, "COOKIES_SECURE": secure}
    answer = App().login(alice)
    names = {"__Host-access", "__Host-refresh"} if secure else {"access", "refresh"}
    assert set(answer.cookies) == names
    for morsel in answer.cookies.values():
        assert flags(morsel) == {
            "path": "/",
            "domain": "",
            "secure": secure or "",
            "httponly": True,
            "samesite": "Strict",
        }


@pytest.mark.trap(8)
def test_a_cookie_expires_with_its_token(alice: User, clock: Clock) -> None:
    app = App()
    first = app.login(alice).cookies
    assert [first[kind]["max-age"] for kind in ("access", "refresh")] == [300, 14 * DAY]
    for _ in range(6):
        clock.forward(days=13)
        assert app.post("auth/refresh/").status_code == 200
    clock.forward(days=11, hours=23, minutes=58)
    last = app.post("auth/refresh/").cookies
    assert [last[kind]["max-age"] for kind in ("access", "refresh")] == [120, 120]
    assert timezone.now() + timedelta(seconds=120) == active_session().expires_at


def test_the_access_cookie_authenticates_requests(app: App) -> None:
    assert app.get("account/me/").json()["username"] == "alice"
    (entry,) = app.get("auth/sessions/").json()
    assert (entry["id"], entry["current"]) == (str(active_session().sid), True)


def test_a_refresh_replaces_both_cookies(app: App) -> None:
    before = app.cookie("access"), app.cookie("refresh")
    answer = app.post("auth/refresh/")
    assert answer.status_code == 200
    assert (answer.json()["generation"], active_session().generation) == (2, 2)
    assert not {"access", "refresh"} & answer.json().keys()
    assert app.cookie("access") != before[0]
    assert app.cookie("refresh") != before[1]
    assert app.get("account/me/").status_code == 200
