"""The settings of tokens, read when they are needed so that nothing is bound at import."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Any, cast

from django.conf import settings
from django.core.signals import setting_changed
from django.dispatch import receiver
from rest_framework_simplejwt import settings as simplejwt


@dataclass(frozen=True, kw_only=True)
class TokenSettings:
    """The dictionary `TOKENS` of the settings; a misspelt name is a TypeError, found at start."""

    #: The `client_id` claim of access tokens (RFC 9068, section 2.2).
    CLIENT_ID: str = "latchkey"
    #: How long a session lives at most, however often it is refreshed.
    ABSOLUTE_LIFETIME: timedelta = timedelta(days=90)
    #: How long a browser stays signed in that is not to remember it, at most until it is closed.
    BROWSER_LIFETIME: timedelta = timedelta(hours=12)
    #: How long the predecessor of a refresh token is answered again, if it was spent without an
    #: Idempotency-Key. Zero switches the grace period off.
    GRACE_PERIOD: timedelta = timedelta(seconds=30)
    #: How long the same Idempotency-Key is given the same successor.
    RETRY_WINDOW: timedelta = timedelta(hours=24)
    #: How many living sessions a user can have; a sign-in beyond it evicts the least recently used.
    SESSIONS_PER_USER: int = 50
    #: What is allowed how often, as in "10 per 5 minutes"; what is left out is not limited.
    THROTTLES: Mapping[str, str] = field(default_factory=dict)
    #: Where several processes share their counters: a redis:// address; empty: each has its own.
    THROTTLE_STORAGE: str = ""
    #: How many proxies of ours stand before the site, each of which appends to X-Forwarded-For.
    PROXIES: int = 0
    #: Whether cookies are those of https; else they are for a first try on this machine.
    COOKIES_SECURE: bool = True
    #: The origins, other than PUBLIC_URL, whose pages may call the API with cookies. The pages of
    #: this site trust none of them.
    COOKIE_ORIGINS: tuple[str, ...] = ()
    #: Where the site is reached, an origin: other services find keys and status lists there.
    PUBLIC_URL: str = "http://localhost:8000"
    #: How long each process goes by what it knows of ended sessions, moved rights and keys before
    #: it asks the database again. Zero: it asks at every request.
    SNAPSHOT_INTERVAL: timedelta = timedelta(seconds=1)
    #: How long a signing key is used until another takes its place unasked. Zero: until it is told.
    SIGNING_KEY_AGE: timedelta = timedelta(days=90)
    #: How long other services may keep the key set; a key is published twice as long ahead.
    JWKS_MAX_AGE: timedelta = timedelta(minutes=5)
    #: Whether access tokens name their place in the status lists, some 116 bytes each.
    STATUS_LIST: bool = True
    #: How long other services may keep a status list.
    STATUS_LIST_MAX_AGE: timedelta = timedelta(seconds=5)

    @property
    def access_lifetime(self) -> timedelta:
        """SIMPLE_JWT["ACCESS_TOKEN_LIFETIME"]"""
        return cast("timedelta", simplejwt.api_settings.ACCESS_TOKEN_LIFETIME)

    @property
    def idle_lifetime(self) -> timedelta:
        """SIMPLE_JWT["REFRESH_TOKEN_LIFETIME"]: a session not refreshed for so long is over."""
        return cast("timedelta", simplejwt.api_settings.REFRESH_TOKEN_LIFETIME)

    @property
    def leeway(self) -> timedelta:
        """SIMPLE_JWT["LEEWAY"]: how far two servers' clocks may be apart."""
        return cast("timedelta", simplejwt.api_settings.LEEWAY)

    @property
    def algorithm(self) -> str:
        """SIMPLE_JWT["ALGORITHM"]: what the next signing key is made for."""
        return cast("str", simplejwt.api_settings.ALGORITHM)

    @property
    def issuer(self) -> str:
        """SIMPLE_JWT["ISSUER"]"""
        return cast("str", simplejwt.api_settings.ISSUER)

    @property
    def audience(self) -> str:
        """SIMPLE_JWT["AUDIENCE"]"""
        return cast("str", simplejwt.api_settings.AUDIENCE)


@cache
def conf() -> TokenSettings:
    """Return the settings as they are now; a request asks for them ten times."""
    return TokenSettings(**settings.TOKENS)


@receiver(setting_changed)
def read_again(setting: str, **kwargs: Any) -> None:
    """Forget what was read when a test changes it."""
    if setting == "TOKENS":
        conf.cache_clear()
