"""A refresh can name the token that it means to spend, which a script cannot read in its cookie."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.test import Client

from accounts.models import User
from tests.conftest import API
from tests.support.browsing import App
from tests.tokens.http.cookie_calls import active_session
from tokens.models import DeviceSession, Reason

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.trap(87)
def test_another_tabs_new_cookie_is_not_spent(app: App) -> None:
    """A request with the token before it may still be on its way, and would end the session."""
    name = {"session": str(active_session().sid), "generation": 1}
    assert app.post("auth/refresh/", name).json()["generation"] == 2
    late = app.post("auth/refresh/", name)
    assert (late.status_code, late.json()["code"]) == (409, "token_differs")
    assert {key: late.json()[key] for key in name} == {**name, "generation": 2}
    assert not late.cookies
    assert active_session().generation == 2
    assert app.post("auth/refresh/", {**name, "generation": 2}).json()["generation"] == 3


def test_the_cookie_of_another_session_is_not_spent(app: App) -> None:
    answer = app.post("auth/refresh/", {"session": str(uuid4()), "generation": 1})
    assert (answer.status_code, answer.json()["session"]) == (409, str(active_session().sid))
    assert active_session().generation == 1


def test_naming_an_older_generation_ends_nothing(app: App) -> None:
    """The comparison comes first: no comparison with the row revokes the session."""
    first = app.cookie("refresh")
    for _ in range(3):
        assert app.post("auth/refresh/").status_code == 200
    app.plant("refresh", first)
    answer = app.post("auth/refresh/", {"generation": 4})
    assert (answer.status_code, answer.json()["generation"]) == (409, 1)
    assert active_session().generation == 4


def test_a_name_does_not_excuse_reuse(app: App) -> None:
    first = app.cookie("refresh")
    for _ in range(2):
        assert app.post("auth/refresh/").status_code == 200
    app.plant("refresh", first)
    assert app.post("auth/refresh/", {"generation": 1}).status_code == 401
    assert DeviceSession.objects.get().revoked_reason == Reason.REUSE


def test_a_token_in_the_body_can_be_named_too(alice: User) -> None:
    api = API(Client())
    pair = api.login(alice)
    body = {key: pair[key] for key in ("refresh", "session", "generation")}
    assert api.post("refresh/", body).json()["generation"] == 2
    assert api.post("refresh/", {"refresh": "a.b.c", "generation": 7}).status_code == 401


@pytest.mark.parametrize(
    "spelling",
    [str, lambda sid: str(sid).upper(), lambda sid: sid.hex],
    ids=["as in the pair", "upper case", "without hyphens"],
)
def test_every_spelling_names_the_session(app: App, spelling: Callable[[UUID], str]) -> None:
    """Swift's `UUID().uuidString` is in upper case."""
    name = spelling(active_session().sid)
    assert app.post("auth/refresh/", {"session": name}).json()["generation"] == 2


@pytest.mark.parametrize("name", ["", "x", "é" * 32, "0" * 33])
def test_a_session_that_is_not_a_uuid_is_refused(app: App, name: str) -> None:
    answer = app.post("auth/refresh/", {"session": name})
    assert (answer.status_code, answer.json()) == (400, {"session": ["This field must be a UUID."]})
    assert active_session().generation == 1


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ({"session": 1}, "session"),
        ({"session": ["a"]}, "session"),
        ({"generation": "1"}, "generation"),
        ({"generation": 1.0}, "generation"),
        ({"generation": True}, "generation"),
        ({"generation": {}}, "generation"),
    ],
    ids=str,
)
def test_a_name_of_another_type_is_refused(app: App, name: dict[str, Any], field: str) -> None:
    answer = app.post("auth/refresh/", name)
    assert (answer.status_code, list(answer.json())) == (400, [field])
    assert active_session().generation == 1


@pytest.mark.parametrize("generation", [10**25, -(10**25), 2**64])
def test_a_generation_that_no_parser_keeps_exact_is_refused(app: App, generation: int) -> None:
    answer = app.post("auth/refresh/", {"generation": generation})
    refusal = {"generation": ["This field must be a JSON integer of at most 64 bits."]}
    assert (answer.status_code, answer.json()) == (400, refusal)
    assert app.post("auth/refresh/", {"generation": 2**64 - 1}).status_code == 409


@pytest.mark.parametrize("name", [{}, {"session": None}, {"generation": None}], ids=str)
def test_a_refresh_that_names_no_token_spends_any(app: App, name: dict[str, Any]) -> None:
    assert app.post("auth/refresh/", name).json()["generation"] == 2
