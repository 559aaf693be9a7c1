"""Cookie transport: no script reads a token, and no page from elsewhere uses one."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from http.cookies import SimpleCookie
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from tests.accounts.conftest import NEW_PASSWORD
from tests.conftest import API, PASSWORD, Answer, Clock, row
from tests.support.browsing import App, flags
from tests.support.racing import race
from tests.tokens.jwt.test_hostile_tokens import parts
from tokens.http import cookies, csrf
from tokens.models import DeviceSession, Reason

pytestmark = pytest.mark.django_db(transaction=True)

DAY = 24 * 3600
GARBAGE = ["", "garbage", "a.b.c", "x" * 5000, '"quoted"', "ä"]


@pytest.fixture
def app(alice: User) -> App:
    """The app in which alice is signed in."""
    app = App()
    assert app.login(alice).status_code == 200
    return app


def living() -> DeviceSession:
    """Return the only session that is living."""
    return DeviceSession.objects.active().get()


@pytest.mark.trap(32)
@pytest.mark.spec("ASVS 5.0", "3.3.4")
@pytest.mark.usefixtures("clock")
def test_a_sign_in_puts_the_tokens_into_cookies_and_nowhere_else(alice: User) -> None:
    app = App()
    answer = app.login(alice)
    assert answer["Cache-Control"] == "no-store"
    assert answer.json() == {
        "token_type": "Bearer",
        "expires_in": 300,
        "refresh_expires_in": 14 * DAY,
        "session": str(living().sid),
        "generation": 1,
    }
    assert set(answer.cookies) == {"access", "refresh"}
    assert parts(app.cookie("access"))[1]["token_type"] == "access"
    assert parts(app.cookie("refresh"))[1]["token_type"] == "refresh"


@pytest.mark.trap(34)
@pytest.mark.spec("ASVS 5.0", "3.3.1", "3.3.2", "3.3.3", "3.3.4")
@pytest.mark.spec("RFC 6265bis", "4.1.2.5", "4.1.2.6", "4.1.2.7", "4.1.3.2")
@pytest.mark.parametrize("secure", [True, False], ids=["https", "a first try"])
def test_each_cookie_is_for_this_host_alone_and_for_no_script(
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
def test_a_cookie_lasts_as_long_as_its_token_and_no_longer_than_its_session(
    alice: User, clock: Clock
) -> None:
    app = App()
    first = app.login(alice).cookies
    assert [first[kind]["max-age"] for kind in ("access", "refresh")] == [300, 14 * DAY]
    for _ in range(6):
        clock.forward(days=13)
        assert app.post("auth/refresh/").status_code == 200
    clock.forward(days=11, hours=23, minutes=58)
    last = app.post("auth/refresh/").cookies
    assert [last[kind]["max-age"] for kind in ("access", "refresh")] == [120, 120]
    assert timezone.now() + timedelta(seconds=120) == living().expires_at


def test_the_cookie_of_the_access_token_opens_what_is_the_users(app: App) -> None:
    assert app.get("account/me/").json()["username"] == "alice"
    (entry,) = app.get("auth/sessions/").json()
    assert (entry["id"], entry["current"]) == (str(living().sid), True)


def test_a_refresh_moves_both_cookies_on(app: App) -> None:
    before = app.cookie("access"), app.cookie("refresh")
    answer = app.post("auth/refresh/")
    assert answer.status_code == 200
    assert (answer.json()["generation"], living().generation) == (2, 2)
    assert not {"access", "refresh"} & answer.json().keys()
    assert app.cookie("access") != before[0]
    assert app.cookie("refresh") != before[1]
    assert app.get("account/me/").status_code == 200


# CSRF


def login(app: App, **more: Any) -> Answer:
    return app.login(User.objects.get(), **more)


def refresh(app: App, **more: Any) -> Answer:
    return app.post("auth/refresh/", **more)


def logout(app: App, **more: Any) -> Answer:
    return app.post("auth/logout/", **more)


def logout_all(app: App, **more: Any) -> Answer:
    return app.post("auth/logout/all/", **more)


def logout_others(app: App, **more: Any) -> Answer:
    return app.post("auth/logout/others/", **more)


def end(app: App, **more: Any) -> Answer:
    return app.send("delete", f"auth/sessions/{living().sid}/", **more)


def rename(app: App, **more: Any) -> Answer:
    return app.send("patch", "account/me/", {"first_name": "Alice"}, **more)


def change_password(app: App, **more: Any) -> Answer:
    body = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    return app.post("account/password/", body, **more)


def delete_account(app: App, **more: Any) -> Answer:
    return app.send("delete", "account/me/", {"current_password": PASSWORD}, **more)


Call = Callable[..., Answer]
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
def test_a_call_from_elsewhere_is_refused_and_does_nothing(
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
def test_the_same_call_from_here_is_answered(app: App, call: Call, origin: str) -> None:
    assert call(app, Origin=origin).status_code in (200, 204)


@pytest.mark.trap(30)
@unsafe
@pytest.mark.parametrize(
    ("referer", "status"),
    [("https://testserver/app/", True), ("https://evil.example/", False), ("", False)],
    ids=["here", "another site", "none"],
)
def test_over_https_a_call_without_an_origin_shows_where_it_is_from(
    app: App, call: Call, referer: str, *, status: bool, settings: Settings
) -> None:
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    headers = {"X-Forwarded-Proto": "https", "Host": "testserver"}
    headers |= {"Referer": referer} if referer else {}
    assert (call(app, **headers).status_code in (200, 204)) is status


def test_the_csrf_token_is_for_anybody_and_kept_by_nobody(client: Client) -> None:
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


def test_what_no_cookie_authenticates_needs_no_csrf_token(alice: User) -> None:
    strict = API(Client(enforce_csrf_checks=True))
    phone = strict.login(alice)
    strict.rotated(phone["refresh"])
    assert strict.post("logout/others/", bearer=phone["access"]).status_code == 200
    assert strict.post("logout/", {"refresh": phone["refresh"]}).status_code == 204


# Cookies that stand in the way


@pytest.mark.trap(31)
@pytest.mark.parametrize("left", GARBAGE, ids=lambda text: text[:8] or "empty")
def test_garbage_in_the_cookies_hinders_no_sign_in(alice: User, left: str) -> None:
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
def test_garbage_in_the_cookies_hinders_no_sign_out(app: App, alice: User, left: str) -> None:
    phone = API(Client()).login(alice)
    app.plant("access", left)
    app.plant("refresh", left)
    body = app.post("auth/logout/", {"refresh": phone["refresh"]})
    assert (body.status_code, row(phone).revoked_reason) == (204, Reason.LOGOUT)
    answer = app.post("auth/logout/")
    assert answer.status_code == 204
    assert set(answer.cookies) == {"access", "refresh"}


@pytest.mark.trap(31)
def test_a_stale_cookie_hinders_neither_sign_in_nor_sign_out(
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


def test_a_browser_without_a_token_is_signed_out_already(alice: User) -> None:
    app = App()
    app.prepare()
    assert app.post("auth/logout/").status_code == 204
    assert app.post("auth/refresh/").status_code == 400


@pytest.mark.parametrize("path", ["auth/refresh/", "auth/logout/"])
@pytest.mark.parametrize("body", [{"refresh": ""}, {"refresh": None}, [None]], ids=str)
def test_a_body_that_has_no_good_token_is_400_and_not_for_the_cookie(
    app: App, path: str, body: Any
) -> None:
    assert app.post(path, body).status_code == 400
    assert living().generation == 1


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
def test_a_bad_header_is_401_and_never_falls_through_to_the_cookie(
    app: App, header: str, method: str
) -> None:
    path = "account/me/" if method == "get" else "auth/logout/others/"
    answer = getattr(app, method)(path, Authorization=header)
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert app.get("account/me/").status_code == 200


@pytest.mark.trap(36)
def test_a_good_header_counts_and_not_the_cookie(app: App, bob: User) -> None:
    phone = API(Client()).login(bob)
    answer = app.get("account/me/", Authorization=f"Bearer {phone['access']}")
    assert answer.json()["username"] == "bob"
    ended = app.post("auth/logout/all/", csrf="", Authorization=f"Bearer {phone['access']}")
    assert (ended.json(), set(ended.cookies)) == ({"ended": 1}, set())
    assert app.get("account/me/").status_code == 200


@pytest.mark.parametrize("kind", ["access", "refresh"])
def test_a_token_in_the_others_cookie_is_refused(app: App, kind: cookies.TokenName) -> None:
    app.plant(kind, app.cookie("refresh" if kind == "access" else "access"))
    answer = app.get("account/me/") if kind == "access" else app.post("auth/refresh/")
    assert (answer.status_code, answer.json()["code"]) == (401, "token_not_valid")


# Several tabs


def test_two_tabs_that_refresh_at_once_get_the_same(app: App) -> None:
    spent = app.cookie("refresh")
    answers, given = [], set()
    for _ in range(2):
        app.plant("refresh", spent)
        answers.append(app.post("auth/refresh/").json())
        given.add(app.cookie("refresh"))
    assert [answer["generation"] for answer in answers] == [2, 2]
    assert len(given) == 1


def test_five_tabs_that_refresh_at_the_same_moment_all_go_on(app: App) -> None:
    """Guards that a refresh which comes second is answered, and clears nothing."""
    kinds: tuple[cookies.TokenName, ...] = ("access", "refresh")
    kept = {kind: app.cookie(kind) for kind in kinds}
    tabs = [App(csrf=app.csrf) for _ in range(5)]
    for tab in tabs:
        name = csrf.cookie_name()
        tab.client.cookies[name] = app.client.cookies[name].value
        for kind, value in kept.items():
            tab.plant(kind, value)
    answers = race(*(partial(tab.post, "auth/refresh/") for tab in tabs))
    assert [answer.status_code for answer in answers] == [200] * 5
    assert {tab.cookie("refresh") for tab in tabs} != {kept["refresh"]}
    assert len({tab.cookie("refresh") for tab in tabs}) == 1
    assert living().generation == 2
    for tab in tabs:
        assert tab.get("account/me/").status_code == 200
    assert tabs[3].post("auth/refresh/").json()["generation"] == 3


def test_a_lost_answer_is_given_again_for_its_idempotency_key(app: App, clock: Clock) -> None:
    spent, key = app.cookie("refresh"), {"Idempotency-Key": "k" * 32}
    app.post("auth/refresh/", **key)
    lost = app.cookie("refresh")
    clock.forward(hours=3)
    app.plant("refresh", spent)
    assert app.post("auth/refresh/", **key).status_code == 200
    assert app.cookie("refresh") == lost != spent


@pytest.mark.parametrize(
    ("later", "status"), [({}, 409), ({"minutes": 5}, 401)], ids=["at once", "after the grace"]
)
def test_who_loses_a_race_clears_no_cookie_of_the_winner(
    app: App, clock: Clock, later: dict[str, float], status: int
) -> None:
    spent = app.cookie("refresh")
    app.post("auth/refresh/", **{"Idempotency-Key": "k" * 32})
    clock.forward(**later)
    app.plant("refresh", spent)
    lost = app.post("auth/refresh/")
    assert (lost.status_code, set(lost.cookies)) == (status, set())
    assert "Clear-Site-Data" not in lost


# The end


@pytest.mark.spec("ASVS 5.0", "7.2.4")
def test_signing_in_again_ends_the_session_that_the_browser_has(
    app: App, alice: User, bob: User
) -> None:
    before = living()
    other = API(Client()).login(alice)
    app.login(bob)
    before.refresh_from_db()
    assert before.revoked_reason == Reason.LOGOUT
    assert row(other).revoked_at is None
    assert app.get("account/me/").json()["username"] == "bob"


def test_a_wrong_password_ends_nothing_and_clears_nothing(app: App) -> None:
    before = living()
    body = {"username": "alice", "password": "wrong", "transport": "cookie"}
    answer = app.post("auth/login/", body)
    assert (answer.status_code, set(answer.cookies)) == (401, set())
    assert living() == before


@pytest.mark.trap(33)
@pytest.mark.spec("ASVS 5.0", "14.3.1", "7.4.1")
@pytest.mark.parametrize("secure", [True, False], ids=["https", "a first try"])
@pytest.mark.parametrize("call", [logout, logout_all, end, delete_account])
def test_signing_out_deletes_the_cookies_exactly_as_they_were_set(
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


def test_signing_out_in_the_body_leaves_cookies_alone(api: API, alice: User) -> None:
    answer = api.post("logout/", {"refresh": api.login(alice)["refresh"]})
    assert (set(answer.cookies), "Clear-Site-Data" in answer) == (set(), False)


def test_ending_another_session_keeps_the_cookies(app: App, alice: User) -> None:
    phone = API(Client()).login(alice)
    answer = app.send("delete", f"auth/sessions/{phone['session']}/")
    assert (answer.status_code, set(answer.cookies)) == (204, set())
    assert "Clear-Site-Data" not in answer
    assert row(phone).revoked_reason == Reason.LOGOUT


def test_ending_the_session_of_a_header_leaves_cookies_alone(app: App, alice: User) -> None:
    phone = API(Client()).login(alice)
    path = f"auth/sessions/{phone['session']}/"
    answer = app.send("delete", path, Authorization=f"Bearer {phone['access']}")
    assert (answer.status_code, set(answer.cookies)) == (204, set())
    assert app.get("account/me/").status_code == 200


def test_signing_out_the_others_keeps_this_browser(app: App, alice: User) -> None:
    phone = API(Client()).login(alice)
    assert app.post("auth/logout/others/").json() == {"ended": 1}
    assert row(phone).revoked_reason == Reason.LOGOUT_ALL
    assert app.post("auth/refresh/").status_code == 200


@pytest.mark.spec("ASVS 5.0", "7.4.3")
def test_a_changed_password_gives_the_browser_new_cookies(app: App) -> None:
    before = living()
    answer = change_password(app)
    assert answer.status_code == 200
    assert set(answer.cookies) == {"access", "refresh"}
    assert not {"access", "refresh"} & answer.json().keys()
    assert answer.json()["session"] == str(living().sid) != str(before.sid)
    assert app.post("auth/refresh/").status_code == 200


# Size


def give_roles(user: User, count: int) -> None:
    groups = [Group(name=f"a role of some length, number {number}") for number in range(count)]
    user.groups.set(Group.objects.bulk_create(groups))


def line(answer: Answer, kind: cookies.TokenName) -> int:
    """Return how many bytes the cookie has with its attributes."""
    cookie: SimpleCookie = answer.cookies
    return len(cookie[cookies.cookie_name(kind)].OutputString())


@pytest.mark.trap(35)
@pytest.mark.spec("ASVS 5.0", "3.3.5")
@pytest.mark.spec("RFC 6265bis", "5.6")
def test_a_cookie_that_a_browser_would_drop_is_refused_at_sign_in(alice: User) -> None:
    give_roles(alice, 60)
    fits = App().login(alice)
    assert fits.status_code == 200
    assert 3000 < line(fits, "access") <= 4096
    before, kept = living(), fits.cookies["refresh"].value
    give_roles_more(alice)
    app = App()
    app.plant("refresh", kept)
    refused = app.login(alice)
    assert (refused.status_code, refused.json()["code"]) == (400, "cookie_too_large")
    assert not refused.cookies
    assert living() == before
    assert API(Client()).login(alice)["access"]


def give_roles_more(user: User) -> None:
    Group.objects.all().delete()
    give_roles(user, 75)


@pytest.mark.trap(35)
def test_roles_that_become_too_many_lose_no_session(app: App, alice: User) -> None:
    give_roles(alice, 75)
    refused = app.post("auth/refresh/")
    assert (refused.status_code, refused.json()["code"]) == (400, "cookie_too_large")
    assert set(refused.cookies) == {"refresh"}
    alice.groups.clear()
    again = app.post("auth/refresh/")
    assert (again.status_code, again.json()["generation"]) == (200, 3)


@pytest.mark.trap(35)
def test_a_password_is_not_changed_if_its_new_token_fits_no_cookie(app: App, alice: User) -> None:
    """The roles came behind the site's back: the access token that it has still counts."""
    groups = Group.objects.bulk_create(Group(name=f"{'r' * 40} {number}") for number in range(75))
    membership = User.groups.through
    membership.objects.bulk_create(membership(user=alice, group=group) for group in groups)
    before = living()
    refused = change_password(app)
    assert (refused.status_code, refused.json()["code"]) == (400, "cookie_too_large")
    assert not refused.cookies
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)
    assert living() == before
