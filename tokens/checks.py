"""What `manage.py check` says of unsafe, impossible or misspelt settings."""

import re
from collections.abc import Iterator
from dataclasses import fields
from datetime import timedelta
from typing import Any, cast, get_origin

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error
from limits import parse_many
from rest_framework_simplejwt import settings as simplejwt

from tokens.conf import TokenSettings, conf
from tokens.jwt.claims import AccessToken
from tokens.keys.lifecycle import GENERATORS

#: The switches of SimpleJWT that mean something here; any other would do nothing, silently.
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
OURS = "tokens.http.authentication.BearerAuthentication"


def check_settings(**kwargs: Any) -> list[CheckMessage]:
    """Return what is wrong with the settings of tokens."""
    names = {field.name for field in fields(TokenSettings)}
    if unknown := sorted(settings.TOKENS.keys() - names):
        return [_error(1, f"TOKENS has no setting {unknown[0]!r}.", f"There are {sorted(names)}.")]
    if wrong := [*_check_types()]:
        return wrong
    return [
        *_check_simplejwt(),
        *_check_lifetimes(),
        *_check_databases(),
        *_check_reach(),
        *_check_authentication(),
        *_check_throttles(),
    ]


def check_deployment(**kwargs: Any) -> list[CheckMessage]:
    """Return what of the settings of tokens is unsafe in public."""
    return [*_check_exposure()]


def _error(number: int, message: str, hint: str) -> Error:
    return Error(message, hint=hint, id=f"tokens.E{number:03}")


def _warning(number: int, message: str, hint: str) -> CheckMessage:
    return checks.Warning(message, hint=hint, id=f"tokens.W{number:03}")


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
                yield _error(
                    14,
                    f"{title}[{name!r}] cannot be a {type(given[name]).__name__}.",
                    f"It is a {types[name].__name__}.",
                )


def _check_simplejwt() -> Iterator[CheckMessage]:
    for name in sorted(settings.SIMPLE_JWT.keys() - SIMPLE_JWT):
        yield _error(
            2,
            f"SIMPLE_JWT[{name!r}] does nothing here.",
            "Remove it; README.md lists the settings.",
        )
    if conf().algorithm not in GENERATORS:
        yield _error(
            3,
            f"Access tokens cannot be signed with {conf().algorithm!r}.",
            f"Set TOKEN_ALGORITHM to one of {', '.join(GENERATORS)}.",
        )
    if [AccessToken] != simplejwt.api_settings.AUTH_TOKEN_CLASSES:
        yield _error(
            4,
            "SimpleJWT would accept other tokens than ours.",
            'Set SIMPLE_JWT["AUTH_TOKEN_CLASSES"] to ("tokens.jwt.claims.AccessToken",).',
        )
    have = conf()
    if not (have.issuer and have.audience and have.CLIENT_ID and have.PUBLIC_URL):
        yield _error(
            5,
            "Tokens need an issuer, an audience, a client id and the address of this site.",
            "Set PUBLIC_URL, and TOKEN_CLIENT_ID, TOKEN_ISSUER and TOKEN_AUDIENCE or none of them.",
        )
    if (simplejwt.api_settings.USER_ID_FIELD, simplejwt.api_settings.USER_ID_CLAIM) != USER_ID:
        yield _error(
            15,
            "Tokens name the user by the primary key, in the claim sub.",
            'Set SIMPLE_JWT["USER_ID_FIELD"] to "pk" and SIMPLE_JWT["USER_ID_CLAIM"] to "sub".',
        )
    if "rest_framework_simplejwt.token_blacklist" in settings.INSTALLED_APPS:
        yield _error(
            6,
            "SimpleJWT's own blacklist keeps raw tokens and is never asked here.",
            "Take rest_framework_simplejwt.token_blacklist out of INSTALLED_APPS.",
        )


def _check_lifetimes() -> Iterator[CheckMessage]:
    have = conf()
    if not timedelta(0) < have.access_lifetime < have.idle_lifetime <= have.ABSOLUTE_LIFETIME:
        yield _error(
            7,
            "Lifetimes must grow: access token, idle session, session.",
            "Look at ACCESS_TOKEN_LIFETIME, REFRESH_TOKEN_IDLE_LIFETIME and"
            " REFRESH_TOKEN_ABSOLUTE_LIFETIME.",
        )
    if not timedelta(0) <= have.GRACE_PERIOD <= timedelta(minutes=5):
        yield _error(
            8,
            "A grace period over five minutes shelters a thief.",
            "Set REFRESH_GRACE_PERIOD to 30 (seconds).",
        )
    if not have.GRACE_PERIOD <= have.RETRY_WINDOW <= have.idle_lifetime:
        yield _error(
            9,
            "The window of retries must lie between the grace period and the idle lifetime.",
            f"Set REFRESH_RETRY_WINDOW to no less than REFRESH_GRACE_PERIOD, which is"
            f" {_seconds(have.GRACE_PERIOD)} (seconds), and no more than"
            f" REFRESH_TOKEN_IDLE_LIFETIME, which is {_seconds(have.idle_lifetime)}.",
        )
    if not timedelta(0) <= have.leeway <= timedelta(minutes=1):
        yield _error(
            10,
            "A leeway over a minute is more than clocks differ.",
            "Set TOKEN_LEEWAY to 10 (seconds).",
        )
    if have.SESSIONS_PER_USER < 1:
        yield _error(11, "Nobody could sign in.", "Set SESSIONS_PER_USER to 1 or more.")
    if not timedelta(0) < have.BROWSER_LIFETIME <= have.ABSOLUTE_LIFETIME:
        yield _error(
            30,
            "A browser that is not to remember a sign-in must forget it before one that is.",
            "Set BROWSER_LIFETIME to more than 0 (seconds) and no more than"
            f" REFRESH_TOKEN_ABSOLUTE_LIFETIME, which is {_seconds(have.ABSOLUTE_LIFETIME)}.",
        )


def _check_databases() -> Iterator[CheckMessage]:
    for alias, database in settings.DATABASES.items():
        if database.get("ATOMIC_REQUESTS"):
            yield _error(
                12,
                f"ATOMIC_REQUESTS of the database {alias!r} would undo what a refusal ended.",
                "Set it to False: what belongs together is in a transaction already.",
            )


def _check_reach() -> Iterator[CheckMessage]:
    """Look at how long others may go by what they know."""
    have = conf()
    if not timedelta(0) <= have.SNAPSHOT_INTERVAL <= timedelta(minutes=1):
        yield _error(
            13,
            "A snapshot over a minute old believes sessions that have long been ended.",
            "Set SNAPSHOT_INTERVAL to 1 (second).",
        )
    if not timedelta(0) < have.JWKS_MAX_AGE <= timedelta(days=1):
        yield _error(
            19,
            "A key set has to be kept for a while, and a stolen key is believed for as long.",
            "Set JWKS_MAX_AGE to 300 (seconds).",
        )
    if have.SIGNING_KEY_AGE and have.SIGNING_KEY_AGE <= 4 * have.JWKS_MAX_AGE:
        yield _error(
            20,
            "A signing key would be replaced before others know the next one.",
            f"Set SIGNING_KEY_AGE to more than {_seconds(4 * have.JWKS_MAX_AGE)} (seconds), four"
            " times JWKS_MAX_AGE, or to 0: only rotatesigningkey replaces it.",
        )
    if have.issuer != have.PUBLIC_URL:
        yield _warning(
            2,
            f"Other services look for keys at the issuer of tokens, {have.issuer}.",
            "Leave TOKEN_ISSUER at PUBLIC_URL, or serve /.well-known/ there too.",
        )
    if have.STATUS_LIST and not timedelta(0) < have.STATUS_LIST_MAX_AGE <= have.access_lifetime:
        yield _error(
            21,
            "A status list that is kept as long as access tokens live tells nobody anything.",
            "Set STATUS_LIST_MAX_AGE to more than 0 (seconds) and no more than"
            f" ACCESS_TOKEN_LIFETIME, which is {_seconds(have.access_lifetime)}.",
        )


def _check_authentication() -> Iterator[CheckMessage]:
    if OURS not in (settings.REST_FRAMEWORK.get("DEFAULT_AUTHENTICATION_CLASSES") or ()):
        yield _error(
            16,
            "Views would not ask whether the session of an access token still stands.",
            f'Put "{OURS}" into REST_FRAMEWORK["DEFAULT_AUTHENTICATION_CLASSES"].',
        )


def _check_throttles() -> Iterator[CheckMessage]:
    for name, rate in sorted(conf().THROTTLES.items()):
        if not _is_rate(rate):
            yield _error(
                17,
                f"The throttle {name!r} cannot be {rate!r}.",
                f'Write THROTTLE_{name.upper()} as in "10 per 5 minutes": one rate, of one try or'
                " more, in a second to a day.",
            )


def _is_rate(rate: str) -> bool:
    """Return whether it is one rate that lets something through, and lets go within a day.

    `limits` itself takes several rates for the first, and 0 minutes for one.
    """
    try:
        windows = [limit.get_expiry() for limit in parse_many(rate)]
        numbers = [int(number) for number in re.findall("[0-9]+", rate)]
    except ValueError:
        return False
    return len(windows) == 1 and windows[0] <= DAY and 0 not in numbers


def _check_exposure() -> Iterator[CheckMessage]:
    if not conf().THROTTLES:
        yield _error(
            18,
            "Passwords and tokens can be guessed without a pause.",
            "Set THROTTLES=on; off is for load tests.",
        )
    if conf().access_lifetime > timedelta(hours=1):
        yield _warning(
            1,
            "Who checks access tokens alone believes an ended session for over an hour.",
            "Lower ACCESS_TOKEN_LIFETIME; 300 seconds is the default.",
        )
