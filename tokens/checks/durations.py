"""Check the durations: lifetimes, and how long processes and services may cache what they read."""

from collections.abc import Iterator
from datetime import timedelta

from django.core.checks import CheckMessage

from tokens.checks.messages import error
from tokens.conf import MAX_SNAPSHOT_INTERVAL, conf

ZERO = timedelta(0)
MAX_GRACE_PERIOD = timedelta(minutes=5)


def check_durations() -> list[CheckMessage]:
    """Return the mistakes. A hint names no bound that is a mistake itself."""
    lifetimes = [*_check_lifetimes()]
    return [
        *lifetimes,
        *([] if lifetimes else _check_within_lifetimes()),
        *_check_tolerances(),
        *_check_keys(),
    ]


def _seconds(duration: timedelta) -> int:
    return int(duration.total_seconds())


def _check_lifetimes() -> Iterator[CheckMessage]:
    have = conf()
    lifetimes = {
        "ACCESS_TOKEN_LIFETIME": have.access_lifetime,
        "REFRESH_TOKEN_IDLE_LIFETIME": have.idle_lifetime,
        "REFRESH_TOKEN_ABSOLUTE_LIFETIME": have.ABSOLUTE_LIFETIME,
    }
    if empty := [name for name, lifetime in lifetimes.items() if lifetime <= ZERO]:
        for name in empty:
            yield error(
                7,
                f"{name} must be 1 second or more.",
                f"Set {name} to a positive number (seconds).",
            )
        return
    access, idle, absolute = map(_seconds, lifetimes.values())
    if have.access_lifetime >= have.idle_lifetime:
        yield error(
            7,
            "An access token must expire before an idle session.",
            f"Set ACCESS_TOKEN_LIFETIME, which is {access} (seconds), to less than"
            f" REFRESH_TOKEN_IDLE_LIFETIME, which is {idle}, or raise the second one.",
        )
    if have.idle_lifetime > have.ABSOLUTE_LIFETIME:
        yield error(
            7,
            "A session cannot be idle for longer than it lasts.",
            f"Set REFRESH_TOKEN_IDLE_LIFETIME, which is {idle} (seconds), to no more than"
            f" REFRESH_TOKEN_ABSOLUTE_LIFETIME, which is {absolute}, or raise the second one.",
        )


def _check_within_lifetimes() -> Iterator[CheckMessage]:
    """Check the durations that a lifetime limits."""
    have = conf()
    most = min(MAX_GRACE_PERIOD, have.idle_lifetime)
    if not ZERO <= have.GRACE_PERIOD <= most:
        yield error(
            8,
            f"The grace period must be at most {_seconds(most)} seconds: a longer one gives a thief"
            " too much time.",
            "Set REFRESH_GRACE_PERIOD to a lower number (seconds), or to 0 for none.",
        )
    elif not have.GRACE_PERIOD <= have.RETRY_WINDOW <= have.idle_lifetime:
        yield error(
            9,
            "The retry window must be between the grace period and the idle lifetime.",
            f"Set REFRESH_RETRY_WINDOW to no less than REFRESH_GRACE_PERIOD, which is"
            f" {_seconds(have.GRACE_PERIOD)} (seconds), and no more than"
            f" REFRESH_TOKEN_IDLE_LIFETIME, which is {_seconds(have.idle_lifetime)}.",
        )
    if not ZERO < have.BROWSER_LIFETIME <= have.ABSOLUTE_LIFETIME:
        yield error(
            30,
            'A sign-in without "Stay signed in on this device" must last 1 second or more, and no'
            " longer than one with it.",
            "Set BROWSER_LIFETIME to more than 0 (seconds) and no more than"
            f" REFRESH_TOKEN_ABSOLUTE_LIFETIME, which is {_seconds(have.ABSOLUTE_LIFETIME)}.",
        )
    if have.STATUS_LIST and not ZERO < have.STATUS_LIST_MAX_AGE <= have.access_lifetime:
        yield error(
            21,
            "Services must cache a status list for 1 second or more, and no longer than access"
            " tokens are valid.",
            "Set STATUS_LIST_MAX_AGE to more than 0 (seconds) and no more than"
            f" ACCESS_TOKEN_LIFETIME, which is {_seconds(have.access_lifetime)}.",
        )


def _check_tolerances() -> Iterator[CheckMessage]:
    have = conf()
    if not ZERO <= have.leeway <= timedelta(minutes=1):
        yield error(
            10,
            "The leeway must be at most one minute: clocks do not differ by more.",
            "Set TOKEN_LEEWAY to 10 (seconds).",
        )
    if not ZERO <= have.SNAPSHOT_INTERVAL <= MAX_SNAPSHOT_INTERVAL:
        yield error(
            13,
            "A snapshot over a minute old accepts sessions that were revoked long ago.",
            "Set SNAPSHOT_INTERVAL to 1 (second).",
        )


def _check_keys() -> Iterator[CheckMessage]:
    have = conf()
    if not ZERO < have.JWKS_MAX_AGE <= timedelta(days=1):
        yield error(
            19,
            "Services must cache the key set for a time between 1 second and one day: they accept a"
            " leaked key for that time.",
            "Set JWKS_MAX_AGE to 300 (seconds).",
        )
    elif have.SIGNING_KEY_AGE and have.SIGNING_KEY_AGE <= 4 * have.JWKS_MAX_AGE:
        yield error(
            20,
            "A signing key would be replaced before other services know the next one.",
            f"Set SIGNING_KEY_AGE to more than {_seconds(4 * have.JWKS_MAX_AGE)} (seconds), four"
            " times JWKS_MAX_AGE, or to 0: then only rotatesigningkey replaces it.",
        )
