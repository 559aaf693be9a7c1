"""A token that is too long for a cookie is refused before anything changes."""

from http.cookies import SimpleCookie

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from accounts.models import User
from tests.conftest import API, PASSWORD, Answer
from tests.support.browsing import App
from tests.support.roles import give_roles
from tests.tokens.http.cookie_calls import active_session, change_password
from tokens.http import cookies

pytestmark = pytest.mark.django_db(transaction=True)

LENGTH = 32  # characters of the name of a role


def line(answer: Answer, kind: cookies.TokenName) -> int:
    """Return how many bytes the cookie has with its attributes."""
    cookie: SimpleCookie = answer.cookies
    return len(cookie[cookies.cookie_name(kind)].OutputString())


@pytest.mark.trap(35)
@pytest.mark.spec("ASVS 5.0", "3.3.5")
@pytest.mark.spec("RFC 6265bis", "5.6")
def test_a_sign_in_with_a_too_large_cookie_is_refused(alice: User) -> None:
    give_roles(alice, 60, LENGTH)
    fits = App().login(alice)
    assert fits.status_code == 200
    assert 3000 < line(fits, "access") <= 4096
    before, kept = active_session(), fits.cookies["refresh"].value
    give_roles(alice, 75, LENGTH)
    app = App()
    app.plant("refresh", kept)
    refused = app.login(alice)
    assert (refused.status_code, refused.json()["code"]) == (400, "cookie_too_large")
    assert not refused.cookies
    assert active_session() == before
    assert API(Client()).login(alice)["access"]


@pytest.mark.trap(35)
def test_too_many_roles_do_not_lose_the_session(app: App, alice: User) -> None:
    give_roles(alice, 75, LENGTH)
    refused = app.post("auth/refresh/")
    assert (refused.status_code, refused.json()["code"]) == (400, "cookie_too_large")
    assert set(refused.cookies) == {"refresh"}
    alice.groups.clear()
    again = app.post("auth/refresh/")
    assert (again.status_code, again.json()["generation"]) == (200, 3)


@pytest.mark.trap(35)
def test_a_password_change_with_a_too_large_cookie_is_refused(app: App, alice: User) -> None:
    """Raw SQL added the roles, so the present access token is still valid."""
    groups = Group.objects.bulk_create(Group(name=f"{'r' * 40} {number}") for number in range(75))
    membership = User.groups.through
    membership.objects.bulk_create(membership(user=alice, group=group) for group in groups)
    before = active_session()
    refused = change_password(app)
    assert (refused.status_code, refused.json()["code"]) == (400, "cookie_too_large")
    assert not refused.cookies
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)
    assert active_session() == before
