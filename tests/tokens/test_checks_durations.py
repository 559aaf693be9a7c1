"""The checks of durations name the one that is wrong, and a value that passes."""

import re
from datetime import timedelta

import pytest
from django.core.checks import CheckMessage
from pytest_django import Settings

from tokens.checks.durations import check_durations

IN_SIMPLE_JWT = {"ACCESS_TOKEN_LIFETIME", "REFRESH_TOKEN_LIFETIME", "LEEWAY"}
#: Settings with which a default is refused, and the numbers in the hint.
BOUNDS: dict[str, tuple[dict[str, int], str, tuple[int, ...]]] = {
    "tokens.E009": (
        {"REFRESH_TOKEN_LIFETIME": 3600, "RETRY_WINDOW": 86400},
        "REFRESH_RETRY_WINDOW",
        (30, 3600),
    ),
    "tokens.E030": (
        {
            "REFRESH_TOKEN_LIFETIME": 7200,
            "ABSOLUTE_LIFETIME": 7200,
            "BROWSER_LIFETIME": 43200,
            "RETRY_WINDOW": 7200,
        },
        "BROWSER_LIFETIME",
        (7200,),
    ),
    "tokens.E021": (
        {"ACCESS_TOKEN_LIFETIME": 3, "STATUS_LIST_MAX_AGE": 5},
        "STATUS_LIST_MAX_AGE",
        (3,),
    ),
    "tokens.E020": (
        {"JWKS_MAX_AGE": 86400, "SIGNING_KEY_AGE": 345600},
        "SIGNING_KEY_AGE",
        (345600,),
    ),
    "tokens.E007": (
        {"REFRESH_TOKEN_LIFETIME": 99999999},
        "REFRESH_TOKEN_IDLE_LIFETIME",
        (99999999, 7776000),
    ),
}
#: Durations, and the beginning of the only message about them. The first six violate two rules.
WRONG: dict[str, tuple[dict[str, int], str]] = {
    "an access token for no time": (
        {"ACCESS_TOKEN_LIFETIME": 0},
        "ACCESS_TOKEN_LIFETIME must be 1 second or more.",
    ),
    "no idle lifetime": (
        {"REFRESH_TOKEN_LIFETIME": 0},
        "REFRESH_TOKEN_IDLE_LIFETIME must be 1 second or more.",
    ),
    "no absolute lifetime": (
        {"ABSOLUTE_LIFETIME": 0},
        "REFRESH_TOKEN_ABSOLUTE_LIFETIME must be 1 second or more.",
    ),
    "a grace period beyond the retry window": (
        {"GRACE_PERIOD": 9999999},
        "The grace period must be at most 300 seconds",
    ),
    "a grace period beyond the idle lifetime": (
        {"ACCESS_TOKEN_LIFETIME": 5, "REFRESH_TOKEN_LIFETIME": 10},
        "The grace period must be at most 10 seconds",
    ),
    "a key set cached for longer than a key signs": (
        {"JWKS_MAX_AGE": 9999999},
        "Services must cache the key set for a time between 1 second and one day",
    ),
    "a key set that is not cached": (
        {"JWKS_MAX_AGE": 0},
        "Services must cache the key set for a time between 1 second and one day",
    ),
    "a status list that is not cached": (
        {"STATUS_LIST_MAX_AGE": 0},
        "Services must cache a status list for 1 second or more",
    ),
    "a browser for no time": (
        {"BROWSER_LIFETIME": 0},
        'A sign-in without "Stay signed in on this device" must last 1 second or more',
    ),
}


def check(settings: Settings, seconds: dict[str, int]) -> list[CheckMessage]:
    """Return the messages about these durations."""
    given = {name: timedelta(seconds=value) for name, value in seconds.items()}
    simplejwt = {name: value for name, value in given.items() if name in IN_SIMPLE_JWT}
    tokens = {name: value for name, value in given.items() if name not in IN_SIMPLE_JWT}
    settings.SIMPLE_JWT = {**settings.SIMPLE_JWT, **simplejwt}
    settings.TOKENS = {**settings.TOKENS, **tokens}
    return check_durations()


@pytest.mark.parametrize("number", BOUNDS)
def test_a_hint_never_suggests_a_refused_value(settings: Settings, number: str) -> None:
    seconds, name, bounds = BOUNDS[number]
    (message,) = check(settings, seconds)
    assert message.id == number
    hint = message.hint or ""
    assert re.match(f"Set {name}(, which is [0-9]+ .seconds.,)? to ", hint)
    assert {*map(int, re.findall("[0-9]+", hint))} - {0} == {*bounds}


@pytest.mark.parametrize("reason", WRONG)
def test_one_wrong_duration_has_one_message(settings: Settings, reason: str) -> None:
    seconds, beginning = WRONG[reason]
    (message,) = check(settings, seconds)
    assert message.msg.startswith(beginning)
    assert message.hint
