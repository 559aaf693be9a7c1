"""What `manage.py check` says of unsafe, impossible or misspelt settings."""

from collections.abc import Iterator
from dataclasses import fields
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.core.exceptions import ImproperlyConfigured
from rest_framework_simplejwt import settings as simplejwt

from tokens.backends import AccessBackend
from tokens.claims import AccessToken
from tokens.conf import TokenSettings, conf
from tokens.keys import signing_key

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


def check_settings(**kwargs: Any) -> list[CheckMessage]:
    """Return what is wrong with the settings of tokens."""
    names = {field.name for field in fields(TokenSettings)}
    if unknown := sorted(settings.TOKENS.keys() - names):
        return [_error(1, f"TOKENS has no setting {unknown[0]!r}.", f"There are {sorted(names)}.")]
    return [*_check_simplejwt(), *_check_lifetimes(), *_check_databases(), *_check_key()]


def _error(number: int, message: str, hint: str) -> Error:
    return Error(message, hint=hint, id=f"tokens.E{number:03}")


def _check_simplejwt() -> Iterator[CheckMessage]:
    for name in sorted(settings.SIMPLE_JWT.keys() - SIMPLE_JWT):
        yield _error(
            2,
            f"SIMPLE_JWT[{name!r}] does nothing here.",
            "Remove it; README.md lists the settings.",
        )
    if AccessBackend.signed_with != simplejwt.api_settings.ALGORITHM:
        yield _error(
            3, "Access tokens are signed with ES256.", 'Set SIMPLE_JWT["ALGORITHM"] to "ES256".'
        )
    if [AccessToken] != simplejwt.api_settings.AUTH_TOKEN_CLASSES:
        yield _error(
            4,
            "SimpleJWT would accept other tokens than ours.",
            'Set SIMPLE_JWT["AUTH_TOKEN_CLASSES"] to ("tokens.claims.AccessToken",).',
        )
    if not (conf().issuer and conf().audience):
        yield _error(5, "Tokens need an issuer and an audience.", "Set PUBLIC_URL.")
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
            "Look at ACCESS_TOKEN_LIFETIME, REFRESH_TOKEN_LIFETIME and ABSOLUTE_LIFETIME.",
        )
    if timedelta(minutes=5) < have.GRACE_PERIOD:
        yield _error(
            8, "A grace period over five minutes shelters a thief.", "Set GRACE_PERIOD to 30 s."
        )
    if not have.GRACE_PERIOD <= have.RETRY_WINDOW <= have.idle_lifetime:
        yield _error(
            9,
            "RETRY_WINDOW must lie between GRACE_PERIOD and the idle lifetime.",
            "Set RETRY_WINDOW to 24 h.",
        )
    if have.leeway > timedelta(minutes=1):
        yield _error(
            10, "A leeway over a minute is more than clocks differ.", 'Lower SIMPLE_JWT["LEEWAY"].'
        )
    if have.SESSIONS_PER_USER < 1:
        yield _error(11, "Nobody could sign in.", "Set SESSIONS_PER_USER to 1 or more.")


def _check_databases() -> Iterator[CheckMessage]:
    for alias, database in settings.DATABASES.items():
        if database.get("ATOMIC_REQUESTS"):
            yield _error(
                12,
                f"ATOMIC_REQUESTS of the database {alias!r} would undo what a refusal ended.",
                "Set it to False: what belongs together is in a transaction already.",
            )


def _check_key() -> Iterator[CheckMessage]:
    try:
        signing_key()
    except (ImproperlyConfigured, OSError) as error:
        yield _error(13, f"Access tokens cannot be signed: {error}", "Look at ACCESS_KEY.")
