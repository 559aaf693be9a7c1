"""A person may sign in with fewer scopes, or for another service: the session remembers it."""

from typing import Any

import pytest
from pytest_django import Settings

from accounts.models import User
from tests.conftest import API, PASSWORD, row
from tests.support.browsing import App
from tests.tokens.oauth.conftest import PAYMENTS, SCOPES, SITE
from tokens.jwt.claims import AccessToken

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("known_scopes")]


def sign_in(api: API, **limits: Any) -> dict[str, Any]:
    answer = api.post("login/", {"username": "alice", "password": PASSWORD, **limits})
    assert answer.status_code == 200, answer.content
    pair: dict[str, Any] = answer.json()
    return pair


def granted(pair: dict[str, Any]) -> tuple[str | None, str]:
    """Return the scope and the audience of the pair's access token."""
    token = AccessToken(pair["access"])
    return token.get("scope"), token["aud"]


def test_without_limits_a_person_has_every_scope(api: API, alice: User) -> None:
    pair = sign_in(api)
    assert granted(pair) == (" ".join(SCOPES), SITE)
    assert (row(pair).scope, row(pair).audience) == (None, None)


@pytest.mark.spec("RFC 6749", "3.3", "6")
def test_a_session_keeps_its_limits_and_a_refresh_never_widens_them(
    api: API, alice: User, settings: Settings
) -> None:
    pair = sign_in(api, scope="orders:read stock", audience=PAYMENTS)
    assert granted(pair) == ("orders:read stock", PAYMENTS)
    assert (row(pair).scope, row(pair).audience) == ("orders:read stock", PAYMENTS)
    second = api.rotated(pair["refresh"])
    assert granted(second) == ("orders:read stock", PAYMENTS)
    settings.TOKENS = {**settings.TOKENS, "SCOPES": {**SCOPES, "refunds": "Refund orders."}}
    assert granted(api.rotated(second["refresh"])) == ("orders:read stock", PAYMENTS)


def test_a_scope_that_the_settings_no_longer_define_is_left_out(
    api: API, alice: User, settings: Settings
) -> None:
    pair = sign_in(api, scope="orders:read stock")
    settings.TOKENS = {**settings.TOKENS, "SCOPES": {"stock": SCOPES["stock"]}}
    assert granted(api.rotated(pair["refresh"])) == ("stock", SITE)


def test_a_changed_password_keeps_the_limits_of_the_device(api: API, alice: User) -> None:
    pair = sign_in(api, scope="orders:read", audience=SITE)
    answer = api.client.post(
        "/api/account/password/",
        {"current_password": PASSWORD, "new_password": "nine dry herons"},
        content_type="application/json",
        headers={"Authorization": f"Bearer {pair['access']}"},
    )
    assert granted(answer.json()) == ("orders:read", SITE)
    assert (row(answer.json()).scope, row(answer.json()).audience) == ("orders:read", SITE)
    assert granted(api.rotated(answer.json()["refresh"])) == ("orders:read", SITE)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("scope", "orders:delete"),
        ("scope", "orders:read orders:delete"),
        ("scope", "introspect"),
        ("scope", "orders:read  stock"),
        ("scope", ""),
        ("scope", ["orders:read"]),
        ("scope", 1),
        ("audience", "https://evil.example"),
        ("audience", f"{SITE} {PAYMENTS}"),
        ("audience", ""),
        ("audience", [SITE]),
    ],
)
def test_an_unknown_limit_is_an_error_of_its_field(
    api: API, alice: User, field: str, value: object
) -> None:
    answer = api.post("login/", {"username": "alice", "password": PASSWORD, field: value})
    assert answer.status_code == 400
    assert answer.json().keys() == {field}
    assert alice.device_sessions.count() == 0


def test_null_means_no_limit(api: API, alice: User) -> None:
    assert granted(sign_in(api, scope=None, audience=None)) == (" ".join(SCOPES), SITE)


def test_a_browser_may_have_limits_too(alice: User) -> None:
    app = App()
    app.prepare()
    body = {"username": "alice", "password": PASSWORD, "transport": "cookie"}
    assert app.post("auth/login/", {**body, "scope": "orders:read"}).status_code == 200
    for _ in range(2):
        assert AccessToken(app.cookie("access"))["scope"] == "orders:read"
        assert app.post("auth/refresh/").status_code == 200


def test_a_token_for_another_service_is_refused_here(api: API, alice: User) -> None:
    pair = sign_in(api, audience=PAYMENTS)
    assert api.get("sessions/", bearer=pair["access"]).status_code == 401
    assert api.get("sessions/", bearer=sign_in(api)["access"]).status_code == 200
