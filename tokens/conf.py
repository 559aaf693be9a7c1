"""The settings of tokens. They are read at call time, so tests can override them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Any, cast

from django.conf import settings
from django.core.signals import setting_changed
from django.dispatch import receiver
from rest_framework_simplejwt import settings as simplejwt

#: The longest SNAPSHOT_INTERVAL that the checks allow.
MAX_SNAPSHOT_INTERVAL = timedelta(minutes=1)
#: Rows of expired tokens and of replaced keys are kept for this time at least: another server may
#: have longer lifetimes than this one, or an operator may set them again.
MIN_KEPT = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class TokenSettings:
    """The dictionary `TOKENS` of the settings. A misspelt name raises TypeError at start."""

    #: The `client_id` claim of access tokens (RFC 9068, section 2.2).
    CLIENT_ID: str = "latchkey"
    #: The absolute lifetime of a session, which refreshes do not extend.
    ABSOLUTE_LIFETIME: timedelta = timedelta(days=90)
    #: The absolute lifetime of a browser session without "remember me". It also ends when the
    #: browser is closed.
    BROWSER_LIFETIME: timedelta = timedelta(hours=12)
    #: How long a client that rotated a refresh token without an Idempotency-Key can present it
    #: again and receive the same successor. Zero disables the grace period.
    GRACE_PERIOD: timedelta = timedelta(seconds=30)
    #: How long a request with the same Idempotency-Key receives the same successor.
    RETRY_WINDOW: timedelta = timedelta(hours=24)
    #: The maximum number of active sessions per user. A further sign-in evicts the least recently
    #: used session.
    SESSIONS_PER_USER: int = 50
    #: The rate of each throttle, such as "10 per 5 minutes". A name that is left out has no limit.
    THROTTLES: Mapping[str, str] = field(default_factory=dict)
    #: The redis:// URL of the counters that all processes share. If empty, each process counts
    #: alone.
    THROTTLE_STORAGE: str = ""
    #: The number of your own proxies in front of the site. Each appends to X-Forwarded-For.
    PROXIES: int = 0
    #: Whether cookies are Secure and have the prefix `__Host-`. False only for http on loopback.
    COOKIES_SECURE: bool = True
    #: The origins, other than PUBLIC_URL, whose pages may call the API with cookies. The pages of
    #: this site do not trust these origins.
    COOKIE_ORIGINS: tuple[str, ...] = ()
    #: The scopes that people's and services' tokens can have, each with one sentence for people.
    SCOPES: Mapping[str, str] = field(default_factory=dict)
    #: The dotted path of a function that returns additional claims (docs/protecting.md).
    CLAIMS: str = ""
    #: Whether a service account's secret is accepted as a bearer token (docs/programs.md).
    SERVICE_SECRETS_AS_TOKENS: bool = False
    #: The origin of the site, at which the metadata names its endpoints and keys. Status lists are
    #: at the issuer.
    PUBLIC_URL: str = "http://localhost:8000"
    #: How long each process caches the revocations, roles versions and signing keys. Zero: each
    #: request reads them from the database.
    SNAPSHOT_INTERVAL: timedelta = timedelta(seconds=1)
    #: The age at which a signing key is replaced automatically. Zero: never automatically.
    SIGNING_KEY_AGE: timedelta = timedelta(days=90)
    #: How long other services may cache the key set. A key is published twice as long before it
    #: signs.
    JWKS_MAX_AGE: timedelta = timedelta(minutes=5)
    #: The age at which `purgetokens` deletes a security event.
    EVENTS_KEPT: timedelta = timedelta(days=365)
    #: Whether access tokens contain their index in a status list, about 116 bytes per token.
    STATUS_LIST: bool = True
    #: How long other services may cache a status list.
    STATUS_LIST_MAX_AGE: timedelta = timedelta(seconds=5)

    @property
    def access_lifetime(self) -> timedelta:
        """SIMPLE_JWT["ACCESS_TOKEN_LIFETIME"]"""
        return cast("timedelta", simplejwt.api_settings.ACCESS_TOKEN_LIFETIME)

    @property
    def idle_lifetime(self) -> timedelta:
        """SIMPLE_JWT["REFRESH_TOKEN_LIFETIME"]: a session expires if it is unused for so long."""
        return cast("timedelta", simplejwt.api_settings.REFRESH_TOKEN_LIFETIME)

    @property
    def leeway(self) -> timedelta:
        """SIMPLE_JWT["LEEWAY"]: the tolerated difference between the clocks of two servers."""
        return cast("timedelta", simplejwt.api_settings.LEEWAY)

    @property
    def algorithm(self) -> str:
        """SIMPLE_JWT["ALGORITHM"]: the algorithm of the next signing key."""
        return cast("str", simplejwt.api_settings.ALGORITHM)

    @property
    def issuer(self) -> str:
        """SIMPLE_JWT["ISSUER"]"""
        return cast("str", simplejwt.api_settings.ISSUER)

    @property
    def audiences(self) -> tuple[str, ...]:
        """SIMPLE_JWT["AUDIENCE"], a text or a list: the audiences that tokens can have."""
        audience = simplejwt.api_settings.AUDIENCE
        return (audience,) if isinstance(audience, str) else tuple(audience or ())

    @property
    def audience(self) -> str:
        """The first audience: the default of new tokens, and the one that this site accepts."""
        return self.audiences[0] if self.audiences else ""


@cache
def conf() -> TokenSettings:
    """Return the current settings. They are cached, because each request reads them ten times."""
    return TokenSettings(**settings.TOKENS)


@receiver(setting_changed)
def clear_cache(setting: str, **kwargs: Any) -> None:
    """Clear the cached settings when a test overrides them."""
    if setting == "TOKENS":
        conf.cache_clear()
