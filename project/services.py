"""Turn the URLs of the services that the site connects to into Django's settings.

A URL that is refused is not repeated in the error, because it can contain a password.
"""

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from project.env import is_origin

#: The URLs of databases that the site supports. django-environ warns about any other URL and
#: repeats it, with the password.
DATABASE = re.compile(r"sqlite:///.+|(postgres|postgresql|psql|pgsql)://.+", re.DOTALL)
REDIS = re.compile(r"(rediss?://[^/?\s]*(/\d*)?|unix://[^/?\s]*/[^?]+)(\?.*)?")
SQLITE_OPTIONS = {
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
    "timeout": 20,  # seconds
    "transaction_mode": "IMMEDIATE",  # A transaction takes the write lock when it begins.
}
POSTGRESQL_OPTIONS = {
    "connect_timeout": 5,  # seconds
    "tcp_user_timeout": 10_000,  # milliseconds without an answer
    "prepare_threshold": 3,  # for the statements in tokens/sessions/statements.py
}


def database(url: str) -> dict[str, Any]:
    """Return Django's description of an SQLite or PostgreSQL database.

    A thread keeps its connection, and replaces one to PostgreSQL every ten minutes.
    """
    try:
        config: dict[str, Any] = environ.Env.db_url_config(url) if DATABASE.fullmatch(url) else {}
    except ValueError:  # Its message quotes a part of the URL.
        config = {}
    match config.get("ENGINE", ""):
        case "django.db.backends.sqlite3":
            return {**config, "CONN_MAX_AGE": None, "OPTIONS": {**SQLITE_OPTIONS}}
        case "django.db.backends.postgresql":
            options = {**config.get("OPTIONS", {}), **POSTGRESQL_OPTIONS}
            if config["NAME"] or "service" in options:  # A service can name the database.
                return {**config, "CONN_MAX_AGE": 600, "OPTIONS": options}
    raise ImproperlyConfigured(
        "DATABASE_URL must be sqlite:///… or like postgres://user:password@db.example.org/name."
    )


def redis(url: str) -> str:
    """Return the URL, which is empty if the site uses no Redis."""
    if url and not can_connect_to_redis(url):
        raise ImproperlyConfigured(
            "REDIS_URL must be like redis://:password@redis.example.org:6379/0,"
            " rediss://redis.example.org/0 or unix:///run/redis.sock."
        )
    return url


def can_connect_to_redis(url: str) -> bool:
    """Return whether redis-py makes a connection of the URL. It does not connect."""
    try:  # Only a connection refuses unknown options; its pool does not.
        import_string("redis.ConnectionPool").from_url(url).make_connection()
        (urlsplit(url).hostname or "").encode("idna")  # as Python does to look the host up
    except Exception:
        return False
    # redis-py reads a database that is not a number as 0.
    return bool(REDIS.fullmatch(url))


def session_cache(redis_url: str) -> dict[str, Any]:
    """Return the cache that keeps the data of browsers in Redis."""
    if not redis_url:
        raise ImproperlyConfigured("SESSION_STORE is redis, and REDIS_URL does not say which.")
    options = {
        "serializer": "accounts.browser.sessiondata.redis.Signed",
        "socket_timeout": 5,  # seconds
        "socket_connect_timeout": 5,
    }
    backend = "django.core.cache.backends.redis.RedisCache"
    return {"BACKEND": backend, "LOCATION": redis_url, "OPTIONS": options}


def mail(url: str) -> dict[str, Any]:
    """Return Django's settings for the mail server."""
    try:
        config: dict[str, Any] = environ.Env.email_url_config(url)
    except (ImproperlyConfigured, ValueError):
        config = {}
    if not config or (url.startswith("smtp") and not config["EMAIL_HOST"]):
        raise ImproperlyConfigured(
            "EMAIL_URL must be like smtp+tls://user:password@smtp.example.org:587."
        )
    into_files = config["EMAIL_BACKEND"].endswith(".filebased.EmailBackend")
    if into_files and not Path(config["EMAIL_FILE_PATH"]).is_absolute():
        raise ImproperlyConfigured(
            "The path in EMAIL_URL must be absolute: write it with four slashes, as in"
            " filemail:////var/spool/latchkey."
        )
    if config["EMAIL_BACKEND"].endswith(".console.EmailBackend"):
        config["EMAIL_BACKEND"] = "project.web.console.EmailBackend"
    return config


def breached_passwords(url: str) -> list[dict[str, Any]]:
    """Return the password validator that asks the service at this URL, or no validator."""
    if not url:
        return []
    origin = url[: url.find("/", len("https://"))]
    safe = re.match(r"https://|http://(localhost|127\.0\.0\.1)(:|$)", origin)
    if not (safe and is_origin(origin) and re.fullmatch(r"\S+/", url)):
        raise ImproperlyConfigured(
            "BREACHED_PASSWORDS_URL must be like https://api.pwnedpasswords.com/range/."
        )
    return [{"NAME": "accounts.breaches.BreachedPasswordValidator", "OPTIONS": {"url": url}}]
