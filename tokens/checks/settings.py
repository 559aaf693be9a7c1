"""Check the settings of tokens, in `TOKENS` and `SIMPLE_JWT`."""

import re
from collections.abc import Iterator
from dataclasses import fields
from datetime import timedelta
from typing import Any, cast, get_origin

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.checks import CheckMessage
from django.utils.module_loading import import_string
from limits import parse_many
from rest_framework_simplejwt import settings as simplejwt

from tokens.checks.grants import check_grants
from tokens.checks.messages import error, warning
from tokens.conf import TokenSettings, conf
from tokens.http.backends import PasswordBackend
from tokens.jwt.claims import AccessToken
from tokens.keys.lifecycle import GENERATORS
from tokens.sessions.users import UserMixin

#: The settings of SimpleJWT that have an effect here. Others would be ignored silently.
SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME",
    "REFRESH_TOKEN_LIFETIME",
    "ALGORITHM",
    "ISSUER",
    "AUDIENCE",
    "LEEWAY",
    "USER_ID_FIELD",
    "USER_ID_CLAIM",
    "AUTH_TOKEN_CLASSES",
}

DURATIONS = ("ACCESS_TOKEN_LIFETIME", "REFRESH_TOKEN_LIFETIME", "LEEWAY")
DAY = 86_400  # seconds
USER_ID = ("pk", "sub")
BEARER = "tokens.http.authentication.BearerAuthentication"


def check_settings(**kwargs: Any) -> list[CheckMessage]:
    """Return the errors and warnings for every site."""
    names = {field.name for field in fields(TokenSettings)}
    if unknown := sorted(settings.TOKENS.keys() - names):
        return [
            error(1, f"TOKENS has no setting {unknown[0]!r}.", f"The settings are {sorted(names)}.")
        ]
    if wrong := [*_check_types()]:
        return wrong
    return [
        *_check_simplejwt(),
        *_check_lifetimes(),
        *_check_rows(),
        *_check_databases(),
        *_check_reach(),
        *_check_authentication(),
        *_check_user_model(),
        *_check_throttles(),
        *check_grants(),
    ]


def check_deployment(**kwargs: Any) -> list[CheckMessage]:
    """Return the errors and warnings for a public site."""
    return [*_check_exposure()]


def _seconds(duration: timedelta) -> int:
    return int(duration.total_seconds())


def _check_types() -> Iterator[CheckMessage]:
    wanted = {
        field.name: cast("type", get_origin(field.type) or field.type)
        for field in fields(TokenSettings)
    }
    for title, given, types in (
        ("TOKENS", settings.TOKENS, wanted),
        ("SIMPLE_JWT", settings.SIMPLE_JWT, dict.fromkeys(DURATIONS, timedelta)),
    ):
        for name in sorted(given.keys() & types.keys()):
            if not isinstance(given[name], types[name]):
                yield error(
                    14,
                    f"{title}[{name!r}] cannot be a {type(given[name]).__name__}.",
                    f"Use a {types[name].__name__}.",
                )


def _check_simplejwt() -> Iterator[CheckMessage]:
    for name in sorted(settings.SIMPLE_JWT.keys() - SIMPLE_JWT):
        yield error(
            2,
            f"SIMPLE_JWT[{name!r}] has no effect here.",
            "Remove it; docs/settings.md lists the settings.",
        )
    if conf().algorithm not in GENERATORS:
        yield error(
            3,
            f"Access tokens cannot be signed with {conf().algorithm!r}.",
            f"Set TOKEN_ALGORITHM to one of {', '.join(GENERATORS)}.",
        )
    if [AccessToken] != simplejwt.api_settings.AUTH_TOKEN_CLASSES:
        yield error(
            4,
            "SimpleJWT would accept tokens of other classes.",
            'Set SIMPLE_JWT["AUTH_TOKEN_CLASSES"] to ("tokens.jwt.claims.AccessToken",).',
        )
    have = conf()
    if not (have.issuer and have.audiences and have.CLIENT_ID and have.PUBLIC_URL):
        yield error(
            5,
            "Tokens need an issuer, an audience, a client id and the URL of this site.",
            "Set PUBLIC_URL, and TOKEN_CLIENT_ID, TOKEN_ISSUER and TOKEN_AUDIENCE or none of them.",
        )
    if (simplejwt.api_settings.USER_ID_FIELD, simplejwt.api_settings.USER_ID_CLAIM) != USER_ID:
        yield error(
            15,
            "Tokens name the user by the primary key, in the claim sub.",
            'Set SIMPLE_JWT["USER_ID_FIELD"] to "pk" and SIMPLE_JWT["USER_ID_CLAIM"] to "sub".',
        )
    if "rest_framework_simplejwt.token_blacklist" in settings.INSTALLED_APPS:
        yield error(
            6,
            "SimpleJWT's own blacklist stores raw tokens, and this site never reads it.",
            "Remove rest_framework_simplejwt.token_blacklist from INSTALLED_APPS.",
        )


def _check_lifetimes() -> Iterator[CheckMessage]:
    have = conf()
    if not timedelta(0) < have.access_lifetime < have.idle_lifetime <= have.ABSOLUTE_LIFETIME:
        yield error(
            7,
            "An access token must expire before an idle session, and an idle session before any"
            " session.",
            "Check ACCESS_TOKEN_LIFETIME, REFRESH_TOKEN_IDLE_LIFETIME and"
            " REFRESH_TOKEN_ABSOLUTE_LIFETIME.",
        )
    if not timedelta(0) <= have.GRACE_PERIOD <= timedelta(minutes=5):
        yield error(
            8,
            "A grace period over five minutes gives a thief too much time.",
            "Set REFRESH_GRACE_PERIOD to 30 (seconds).",
        )
    if not have.GRACE_PERIOD <= have.RETRY_WINDOW <= have.idle_lifetime:
        yield error(
            9,
            "The retry window must be between the grace period and the idle lifetime.",
            f"Set REFRESH_RETRY_WINDOW to no less than REFRESH_GRACE_PERIOD, which is"
            f" {_seconds(have.GRACE_PERIOD)} (seconds), and no more than"
            f" REFRESH_TOKEN_IDLE_LIFETIME, which is {_seconds(have.idle_lifetime)}.",
        )
    if not timedelta(0) <= have.leeway <= timedelta(minutes=1):
        yield error(
            10,
            "The leeway must be at most one minute: clocks do not differ by more.",
            "Set TOKEN_LEEWAY to 10 (seconds).",
        )
    if not timedelta(0) < have.BROWSER_LIFETIME <= have.ABSOLUTE_LIFETIME:
        yield error(
            30,
            'A browser session without "remember me" must not last longer than one with it.',
            "Set BROWSER_LIFETIME to more than 0 (seconds) and no more than"
            f" REFRESH_TOKEN_ABSOLUTE_LIFETIME, which is {_seconds(have.ABSOLUTE_LIFETIME)}.",
        )


def _check_rows() -> Iterator[CheckMessage]:
    """Check how many rows are kept, and for how long."""
    have = conf()
    if have.SESSIONS_PER_USER < 1:
        yield error(11, "No user could sign in.", "Set SESSIONS_PER_USER to 1 or more.")
    if timedelta(days=1) > have.EVENTS_KEPT:
        yield error(
            38,
            "Security events must be kept for a day or longer, or nobody can review them.",
            "Set EVENTS_KEPT to 31536000 (seconds), which is one year.",
        )


def _check_databases() -> Iterator[CheckMessage]:
    for alias, database in settings.DATABASES.items():
        if database.get("ATOMIC_REQUESTS"):
            yield error(
                12,
                f"ATOMIC_REQUESTS of the database {alias!r} would undo the revocation that a"
                " refused request makes.",
                "Set it to False: the code of tokens opens its own transactions.",
            )


def _check_reach() -> Iterator[CheckMessage]:
    """Check how long processes and services may cache what they have read."""
    have = conf()
    if not timedelta(0) <= have.SNAPSHOT_INTERVAL <= timedelta(minutes=1):
        yield error(
            13,
            "A snapshot over a minute old accepts sessions that were revoked long ago.",
            "Set SNAPSHOT_INTERVAL to 1 (second).",
        )
    if not timedelta(0) < have.JWKS_MAX_AGE <= timedelta(days=1):
        yield error(
            19,
            "Services must cache the key set, but for one day at most: so long they accept a"
            " leaked key.",
            "Set JWKS_MAX_AGE to 300 (seconds).",
        )
    if have.SIGNING_KEY_AGE and have.SIGNING_KEY_AGE <= 4 * have.JWKS_MAX_AGE:
        yield error(
            20,
            "A signing key would be replaced before other services know the next one.",
            f"Set SIGNING_KEY_AGE to more than {_seconds(4 * have.JWKS_MAX_AGE)} (seconds), four"
            " times JWKS_MAX_AGE, or to 0: then only rotatesigningkey replaces it.",
        )
    if have.issuer != have.PUBLIC_URL:
        yield warning(
            2,
            f"Other services fetch the keys from the issuer of the tokens, {have.issuer}.",
            "Leave TOKEN_ISSUER at PUBLIC_URL, or serve /.well-known/ there too.",
        )
    if have.STATUS_LIST and not timedelta(0) < have.STATUS_LIST_MAX_AGE <= have.access_lifetime:
        yield error(
            21,
            "A status list that is cached longer than access tokens are valid is useless.",
            "Set STATUS_LIST_MAX_AGE to more than 0 (seconds) and no more than"
            f" ACCESS_TOKEN_LIFETIME, which is {_seconds(have.access_lifetime)}.",
        )


def _check_authentication() -> Iterator[CheckMessage]:
    if BEARER not in (settings.REST_FRAMEWORK.get("DEFAULT_AUTHENTICATION_CLASSES") or ()):
        yield error(
            16,
            "Views would not check whether the session of an access token is revoked.",
            f'Add "{BEARER}" to REST_FRAMEWORK["DEFAULT_AUTHENTICATION_CLASSES"].',
        )


def _check_user_model() -> Iterator[CheckMessage]:
    classes = [get_user_model(), *map(import_string, settings.AUTHENTICATION_BACKENDS)]
    if not any(issubclass(one, UserMixin | PasswordBackend) for one in classes):
        yield error(
            22,
            "A hash upgrade would sign users out, and could undo a password change.",
            'Add "tokens.http.backends.PasswordBackend" to AUTHENTICATION_BACKENDS, or derive'
            f" {settings.AUTH_USER_MODEL} from tokens.sessions.users.UserMixin.",
        )


def _check_throttles() -> Iterator[CheckMessage]:
    for name, rate in sorted(conf().THROTTLES.items()):
        if not _is_rate(rate):
            yield error(
                17,
                f"The throttle {name!r} cannot be {rate!r}.",
                f'Set THROTTLE_{name.upper()} to one rate such as "10 per 5 minutes": at least one'
                " try, in a second to a day.",
            )


def _is_rate(rate: str) -> bool:
    """Return whether the text is one rate with at least one try, in a window of at most a day.

    `limits` itself ignores all rates after the first, and reads 0 minutes as one.
    """
    try:
        windows = [limit.get_expiry() for limit in parse_many(rate)]
        numbers = [int(number) for number in re.findall("[0-9]+", rate)]
    except ValueError:
        return False
    return len(windows) == 1 and windows[0] <= DAY and 0 not in numbers


def _check_exposure() -> Iterator[CheckMessage]:
    if not conf().THROTTLES:
        yield error(
            18,
            "The number of guesses of passwords and tokens is not limited.",
            "Set THROTTLES=on. Use off for load tests only.",
        )
    if conf().access_lifetime > timedelta(hours=1):
        yield warning(
            1,
            "A service that verifies access tokens alone accepts a revoked session for over an"
            " hour.",
            "Lower ACCESS_TOKEN_LIFETIME; 300 seconds is the default.",
        )
