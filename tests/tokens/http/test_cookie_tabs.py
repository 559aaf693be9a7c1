"""Several tabs share the cookies of one session."""

from functools import partial

import pytest

from tests.conftest import Clock
from tests.support.browsing import App
from tests.support.racing import race
from tests.tokens.http.cookie_calls import active_session
from tokens.http import cookies, csrf

pytestmark = pytest.mark.django_db(transaction=True)


def test_two_tabs_that_refresh_get_the_same_token(app: App) -> None:
    spent = app.cookie("refresh")
    answers, given = [], set()
    for _ in range(2):
        app.plant("refresh", spent)
        answers.append(app.post("auth/refresh/").json())
        given.add(app.cookie("refresh"))
    assert [answer["generation"] for answer in answers] == [2, 2]
    assert len(given) == 1


def test_five_simultaneous_tabs_all_continue(app: App) -> None:
    """Guards that the second of two refreshes is answered and deletes no cookie."""
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
    assert active_session().generation == 2
    for tab in tabs:
        assert tab.get("account/me/").status_code == 200
    assert tabs[3].post("auth/refresh/").json()["generation"] == 3


def test_a_lost_answer_is_repeated_for_its_idempotency_key(app: App, clock: Clock) -> None:
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
def test_a_lost_race_does_not_clear_the_winners_cookies(
    app: App, clock: Clock, later: dict[str, float], status: int
) -> None:
    spent = app.cookie("refresh")
    app.post("auth/refresh/", **{"Idempotency-Key": "k" * 32})
    clock.forward(**later)
    app.plant("refresh", spent)
    lost = app.post("auth/refresh/")
    assert (lost.status_code, set(lost.cookies)) == (status, set())
    assert "Clear-Site-Data" not in lost
