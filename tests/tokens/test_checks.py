"""The system checks report unsafe, impossible and misspelt settings."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.checks import run_checks
from django.urls import get_resolver
from pytest_django import Settings

from tokens.checks.settings import check_settings
from tokens.http.permissions import REQUIRED_SCOPES, has_scope

MISTAKES: dict[str, tuple[str, dict[str, Any]]] = {
    "tokens.E001 misspelt": ("TOKENS", {"GRACE_PERIODE": timedelta(0)}),
    "tokens.E002 a switch that does nothing": ("SIMPLE_JWT", {"ROTATE_REFRESH_TOKENS": True}),
    "tokens.E003 another algorithm": ("SIMPLE_JWT", {"ALGORITHM": "HS256"}),
    "tokens.E004 other tokens": (
        "SIMPLE_JWT",
        {"AUTH_TOKEN_CLASSES": ("rest_framework_simplejwt.tokens.AccessToken",)},
    ),
    "tokens.E005 no audience": ("SIMPLE_JWT", {"AUDIENCE": None}),
    "tokens.E007 idle beyond absolute": ("TOKENS", {"ABSOLUTE_LIFETIME": timedelta(days=1)}),
    "tokens.E007 access beyond idle": (
        "SIMPLE_JWT",
        {"ACCESS_TOKEN_LIFETIME": timedelta(days=15)},
    ),
    "tokens.E030 a browser session that is too long": (
        "TOKENS",
        {"BROWSER_LIFETIME": timedelta(days=91)},
    ),
    "tokens.E008 a long grace period": ("TOKENS", {"GRACE_PERIOD": timedelta(minutes=6)}),
    "tokens.E009 a long retry window": ("TOKENS", {"RETRY_WINDOW": timedelta(days=15)}),
    "tokens.E010 a long leeway": ("SIMPLE_JWT", {"LEEWAY": timedelta(minutes=2)}),
    "tokens.E011 no sessions": ("TOKENS", {"SESSIONS_PER_USER": 0}),
    "tokens.E038 events kept for hours": ("TOKENS", {"EVENTS_KEPT": timedelta(hours=23)}),
    "tokens.E005 no client id": ("TOKENS", {"CLIENT_ID": ""}),
    "tokens.E008 a negative grace period": ("TOKENS", {"GRACE_PERIOD": timedelta(seconds=-1)}),
    "tokens.E010 a negative leeway": ("SIMPLE_JWT", {"LEEWAY": timedelta(seconds=-1)}),
    "tokens.E014 seconds for a duration": ("TOKENS", {"GRACE_PERIOD": 30}),
    "tokens.E014 seconds for SimpleJWT's": ("SIMPLE_JWT", {"LEEWAY": 10}),
    "tokens.E015 another claim": ("SIMPLE_JWT", {"USER_ID_CLAIM": "user_id"}),
    "tokens.E015 another column": ("SIMPLE_JWT", {"USER_ID_FIELD": "username"}),
    "tokens.E016 no check of the session": (
        "REST_FRAMEWORK",
        {"DEFAULT_AUTHENTICATION_CLASSES": []},
    ),
    "tokens.E017 an unreadable rate": ("TOKENS", {"THROTTLES": {"refresh": "often"}}),
    **{
        f"tokens.E017 {rate[:40]}": ("TOKENS", {"THROTTLES": {"refresh": rate}})
        for rate in (
            "0 per minute",
            "00 per minute",
            "10 per 0 minutes",
            "10 per minute; 50 per hour",
            "10/second,50/hour",
            "10 per 2 days",
            "10 per 86401 seconds",
            "10 per month",
            "10 per 99999999999 years",
            f"10 per {'9' * 5000} seconds",
            "-1 per minute",
            "10",
            "",
        )
    },
    "tokens.E013 an old snapshot": ("TOKENS", {"SNAPSHOT_INTERVAL": timedelta(minutes=2)}),
    "tokens.E019 a key set cached too long": ("TOKENS", {"JWKS_MAX_AGE": timedelta(days=2)}),
    "tokens.E020 keys replaced too early": ("TOKENS", {"SIGNING_KEY_AGE": timedelta(minutes=20)}),
    "tokens.W002 another issuer": ("SIMPLE_JWT", {"ISSUER": "https://other.example"}),
    "tokens.E021 a status list cached too long": (
        "TOKENS",
        {"STATUS_LIST_MAX_AGE": timedelta(minutes=6)},
    ),
    "tokens.E014 a list of scopes": ("TOKENS", {"SCOPES": ["orders:read"]}),
    "tokens.E031 a scope with a space": ("TOKENS", {"SCOPES": {"orders read": "Read."}}),
    "tokens.E031 a scope with a quote": ("TOKENS", {"SCOPES": {'orders"': "Read."}}),
    "tokens.E031 an empty scope": ("TOKENS", {"SCOPES": {"": "Read."}}),
    "tokens.E032 a reserved scope": ("TOKENS", {"SCOPES": {"introspect": "Look."}}),
    "tokens.E033 a scope without a sentence": ("TOKENS", {"SCOPES": {"orders": " "}}),
    "tokens.E035 an audience twice": ("SIMPLE_JWT", {"AUDIENCE": ["a", "a"]}),
    "tokens.E036 an empty audience": ("SIMPLE_JWT", {"AUDIENCE": ["a", ""]}),
    "tokens.E036 an audience with a space": ("SIMPLE_JWT", {"AUDIENCE": "a b"}),
    "tokens.E036 a number for an audience": ("SIMPLE_JWT", {"AUDIENCE": ["a", 1]}),
    "tokens.E037 claims of no module": ("TOKENS", {"CLAIMS": "project.nothing.claims"}),
    "tokens.E037 claims of no path": ("TOKENS", {"CLAIMS": "claims"}),
    "tokens.E037 claims that are a number": (
        "TOKENS",
        {"CLAIMS": "project.web.json.MAX_BODY_SIZE"},
    ),
}


RATES = {"login_pair": "10 per 5 minutes"}


@pytest.fixture(autouse=True)
def throttled(settings: Settings) -> None:
    settings.TOKENS = {**settings.TOKENS, "THROTTLES": RATES}


@pytest.fixture(autouse=True)
def only_required_here() -> Iterator[None]:
    """Forget the scopes that other tests required, and later those of this test.

    The first import of the URLconf registers those of a developer's views.
    """
    get_resolver().url_patterns  # noqa: B018  (for its effect)
    elsewhere = {*REQUIRED_SCOPES}
    REQUIRED_SCOPES.clear()
    yield
    REQUIRED_SCOPES.clear()
    REQUIRED_SCOPES.update(elsewhere)


def test_a_view_that_requires_a_misspelt_scope_is_named(settings: Settings) -> None:
    settings.TOKENS = {**settings.TOKENS, "SCOPES": {"orders:read": "Read orders."}}
    has_scope("orders:read", "introspect")
    assert found() == []
    has_scope("order:read")
    assert found() == ["tokens.E034"]
    (message,) = (message for message in run_checks() if message.id == "tokens.E034")
    assert "'order:read'" in message.msg
    assert "'orders:read'" in str(message.hint)


@pytest.mark.parametrize(
    ("scopes", "secure", "expected"),
    [
        ({}, False, "tokens.W034"),
        ({}, True, "tokens.E034"),
        ({"stock": "Read the stock."}, False, "tokens.E034"),
    ],
    ids=["in a test", "on a public site", "beside other scopes"],
)
def test_a_scope_of_the_environment_may_be_missing_in_tests(
    settings: Settings, *, scopes: dict[str, str], secure: bool, expected: str
) -> None:
    """A public site does not start: every call would be refused."""
    settings.TOKENS = {**settings.TOKENS, "SCOPES": scopes, "COOKIES_SECURE": secure}
    has_scope("orders:read")
    assert found() == [expected]


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("shop.claims", "No module named 'shop'."),
        ("os.claims", 'Module "os" does not define a "claims" attribute/class.'),
    ],
)
def test_the_reason_of_missing_claims_is_a_sentence(
    settings: Settings, path: str, reason: str
) -> None:
    settings.TOKENS = {**settings.TOKENS, "CLAIMS": path}
    (message,) = check_settings()
    expected = f"The function '{path}' of TOKEN_CLAIMS cannot be imported: {reason}"
    assert message.msg == expected


def test_a_function_of_claims_is_in_order(settings: Settings) -> None:
    settings.TOKENS = {**settings.TOKENS, "CLAIMS": "tests.tokens.jwt.test_custom_claims.tenant"}
    assert found() == []


def test_a_public_site_without_throttles_is_refused(settings: Settings) -> None:
    settings.TOKENS = {**settings.TOKENS, "THROTTLES": {}}
    assert found(deploy=True) == ["tokens.E018"]
    assert found() == []


def found(*, deploy: bool = False) -> list[str]:
    messages = run_checks(include_deployment_checks=deploy)
    assert all(message.hint for message in messages if str(message.id).startswith("tokens."))
    return [str(message.id) for message in messages if str(message.id).startswith("tokens.")]


def test_the_shipped_settings_pass() -> None:
    assert found() == []


@pytest.mark.trap(14, 43)
def test_a_user_model_needs_the_mixin_or_the_backend(settings: Settings) -> None:
    settings.AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
    assert check_settings() == []
    settings.AUTH_USER_MODEL = "auth.User"
    assert [message.id for message in check_settings()] == ["tokens.E022"]
    settings.AUTHENTICATION_BACKENDS = ["tokens.http.backends.PasswordBackend"]
    assert check_settings() == []


@pytest.mark.trap(43)
@pytest.mark.parametrize(("name", "change"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_reported(
    settings: Settings, request: pytest.FixtureRequest, name: str, change: dict[str, Any]
) -> None:
    setattr(settings, name, {**getattr(settings, name), **change})
    expected = request.node.callspec.id.split()[0]
    assert found() == [expected]
    hints = [message.hint for message in run_checks() if message.id == expected]
    assert all(hints)


OPERATORS = {
    "ACCESS_TOKEN_LIFETIME REFRESH_TOKEN_IDLE_LIFETIME": "tokens.E007 access beyond idle",
    "REFRESH_TOKEN_IDLE_LIFETIME REFRESH_TOKEN_ABSOLUTE_LIFETIME": (
        "tokens.E007 idle beyond absolute"
    ),
    "REFRESH_GRACE_PERIOD": "tokens.E008 a long grace period",
    "REFRESH_RETRY_WINDOW": "tokens.E009 a long retry window",
    "TOKEN_LEEWAY": "tokens.E010 a long leeway",
    "TOKEN_AUDIENCE": "tokens.E005 no audience",
    "TOKEN_CLIENT_ID": "tokens.E005 no client id",
    "TOKEN_SCOPES": "tokens.E033 a scope without a sentence",
    "TOKEN_CLAIMS": "tokens.E037 claims of no path",
    "THROTTLE_REFRESH": "tokens.E017 an unreadable rate",
    "SNAPSHOT_INTERVAL": "tokens.E013 an old snapshot",
}


@pytest.mark.parametrize(("names", "mistake"), OPERATORS.items(), ids=OPERATORS.values())
def test_a_hint_names_the_variables_of_the_operator(
    settings: Settings, names: str, mistake: str
) -> None:
    name, change = MISTAKES[mistake]
    setattr(settings, name, {**getattr(settings, name), **change})
    expected = mistake.partition(" ")[0]
    (hint,) = (message.hint or "" for message in run_checks() if message.id == expected)
    words = set(re.findall(r"[A-Z_]{5,}", hint))
    assert set(names.split()) <= words
    example = (settings.BASE_DIR / ".env.example").read_text()
    assert all(f"#{word}=" in example for word in words)


@pytest.mark.parametrize("rate", ["1/second", "60 per 1 minute", "5 per 24 hours", "1 per day"])
def test_a_rate_within_a_second_to_a_day_passes(settings: Settings, rate: str) -> None:
    settings.TOKENS = {**settings.TOKENS, "THROTTLES": {"refresh": rate}}
    assert found() == []


def test_simplejwts_own_blacklist_is_refused(settings: Settings) -> None:
    settings.INSTALLED_APPS.append("rest_framework_simplejwt.token_blacklist")
    try:
        assert found() == ["tokens.E006"]
    finally:
        settings.INSTALLED_APPS.pop()


@pytest.mark.trap(7)
def test_atomic_requests_are_refused(settings: Settings) -> None:
    settings.DATABASES["default"]["ATOMIC_REQUESTS"] = True
    try:
        assert found() == ["tokens.E012"]
    finally:
        settings.DATABASES["default"]["ATOMIC_REQUESTS"] = False


def test_a_long_access_lifetime_in_public_is_a_warning(settings: Settings) -> None:
    assert found(deploy=True) == []
    long = {"ACCESS_TOKEN_LIFETIME": timedelta(minutes=61)}
    settings.SIMPLE_JWT = {**settings.SIMPLE_JWT, **long}
    assert found() == []
    assert found(deploy=True) == ["tokens.W001"]
