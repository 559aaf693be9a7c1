"""Refresh keeps its promises in any order of requests, with any delays."""

import pytest

from tests.tokens.sessions.household import play

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


def test_refresh_keeps_its_promises() -> None:
    play(lives=60, steps=40)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_refresh_keeps_its_promises_in_long_runs() -> None:
    play(lives=400, steps=60)
