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

from tokens.checks.durations import check_durations
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
        *check_durations(),
        *_check_rows(),
        *_check_databases(),
        *_check_names(),
        *_check_authentication(),
        *_check_user_model(),
        *_check_throttles(),
        *check_grants(),
    ]


def check_deployment(**kwargs: Any) -> list[CheckMessage]:
    """Return the errors and warnings for a public site."""
    return [*_check_exposure()]


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


def _check_names() -> Iterator[CheckMessage]:
    """Check the names that tokens contain: of this site, of its services and of the client."""
    for name, value in (
        ("TOKEN_ISSUER", conf().issuer),
        ("TOKEN_AUDIENCE", conf().audiences),
        ("TOKEN_CLIENT_ID", conf().CLIENT_ID),
        ("PUBLIC_URL", conf().PUBLIC_URL),
    ):
        if not value:
            yield error(
                5,
                f"{name} is empty, and tokens need it.",
                f"Set {name}, or remove it: docs/settings.md lists its default.",
            )
    if conf().issuer != conf().PUBLIC_URL:
        yield warning(
            2,
            f"Other services fetch the keys from the issuer of the tokens, {conf().issuer}.",
            "Leave TOKEN_ISSUER at PUBLIC_URL, or serve /.well-known/ there too.",
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
