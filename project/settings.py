"""All settings of the site: read once from the environment and `.env`, loudly where they are wrong.

What a deployment may change is an environment variable (see `.env.example`); the environment wins
over `.env`, and an empty variable is none. `PUBLIC_URL` decides what is issued and how it is
protected; `DEBUG` decides none.
"""

import re
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from csp.constants import NONCE, NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from project import env as project_env
from project.web import logs

BASE_DIR = Path(__file__).resolve().parent.parent
STATE_DIR = BASE_DIR / "var"

#: What turns a setting on or off, in any case.
SWITCH = {
    **dict.fromkeys(("1", "true", "yes", "on"), True),
    **dict.fromkeys(("0", "false", "no", "off"), False),
}
#: The addresses of databases that the site supports. django-environ warns of any other address and
#: repeats it, with the password.
DATABASE = re.compile(r"sqlite:///.+|(postgres|postgresql|psql|pgsql)://.+", re.DOTALL)
ORIGIN = re.compile(r"https?://(?:[a-z0-9.-]+|\[[0-9a-f:]+\])(?::(\d{1,5}))?")

env = environ.Env()
env.ENVIRON = project_env.read(project_env.file())


def public_url() -> str:
    """Return the address people and programs reach this site at: an origin without a path."""
    url: str = env.str("PUBLIC_URL", default=f"http://localhost:{PORT}")
    if not is_origin(url):
        raise ImproperlyConfigured(
            f"PUBLIC_URL must be an origin such as https://id.example.org, not {url!r}."
        )
    return url


def is_origin(url: str) -> bool:
    """Return whether it is a scheme, a host and perhaps a port, and nothing else."""
    origin = ORIGIN.fullmatch(url)
    return origin is not None and int(origin[1] or 0) <= 65535


def number(
    name: str, default: int, *, unit: str = "number", least: int = 0, most: int = 9_999_999_999
) -> int:
    """Return the whole number that the environment gives, or the default."""
    given = env.str(name, default=str(default))
    if not re.fullmatch(r"[0-9]{1,10}", given):
        raise ImproperlyConfigured(f"{name} is a {unit} and cannot be {given!r}.")
    if not least <= int(given) <= most:
        raise ImproperlyConfigured(f"{name} is a {unit} from {least} to {most}, not {given}.")
    return int(given)


def duration(name: str, default: timedelta) -> timedelta:
    """Return the duration in seconds that the environment gives, or the default."""
    seconds = number(name, int(default.total_seconds()), unit="number of seconds")
    return timedelta(seconds=seconds)


def choice(name: str, choices: Sequence[str], default: str) -> str:
    """Return which of the choices the environment makes, in any case, or the default."""
    given: str = env.str(name, default=default)
    for option in choices:
        if option.lower() == given.lower():
            return option
    raise ImproperlyConfigured(f"{name} is one of {', '.join(choices)}, not {given!r}.")


def switch(name: str, *, default: bool) -> bool:
    """Return whether the environment turns this on: a word of `SWITCH` in any case."""
    given: str = env.str(name, default=str(default))
    if given.strip().lower() not in SWITCH:
        raise ImproperlyConfigured(
            f"{name} is on (1, true, yes, on) or off (0, false, no, off), not {given!r}."
        )
    return SWITCH[given.strip().lower()]


def database() -> dict[str, Any]:
    """Return Django's description of the database that DATABASE_URL names.

    SQLite writes ahead, takes its write lock when a transaction begins and reaches the disk before
    it answers; PostgreSQL is reached through psycopg's pool.
    """
    url = env.str("DATABASE_URL", default=f"sqlite:///{STATE_DIR / 'latchkey.sqlite3'}")
    try:
        config: dict[str, Any] = environ.Env.db_url_config(url) if DATABASE.fullmatch(url) else {}
    except ValueError:  # It would quote a part of the address, which has a password.
        config = {}
    engine = config.get("ENGINE", "")
    if engine not in ("django.db.backends.sqlite3", "django.db.backends.postgresql"):
        raise ImproperlyConfigured(
            "DATABASE_URL must be sqlite:///… or like postgres://user:password@db.example.org/name."
        )
    if engine == "django.db.backends.sqlite3":
        STATE_DIR.mkdir(mode=0o700, exist_ok=True)
        config["CONN_MAX_AGE"] = None
        config["OPTIONS"] = {
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
            "timeout": 20,
            "transaction_mode": "IMMEDIATE",
        }
    else:
        config["OPTIONS"] = {
            **config.get("OPTIONS", {}),
            "connect_timeout": 5,
            "tcp_user_timeout": 10_000,  # milliseconds without an answer
            "prepare_threshold": 3,  # for the statements in tokens/sessions/statements.py
            "pool": {
                "min_size": 2,
                "max_size": number("DATABASE_POOL_SIZE", 16, least=2, most=1000),
                "timeout": 5,
                "reconnect_timeout": 5,  # seconds; its pauses double, and would outlast an outage
            },
        }
    return config


def throttles() -> dict[str, str]:
    """Return how often what may be tried; THROTTLES=off, for load tests, allows everything."""
    if not switch("THROTTLES", default=True):
        return {}
    rates = {
        "login_pair": "10 per 5 minutes",
        "login_account": "50 per 15 minutes",
        "login_address": "100 per 15 minutes",
        "refresh": "60 per minute",
        "forged_token": "60 per minute",
        "verify": "300 per minute",
        "current_password": "10 per 5 minutes",
        "current_password_account": "50 per 15 minutes",
        "link": "30 per minute",
        "reset_account": "3 per hour",
        "reset_address": "20 per hour",
        "email_change_account": "3 per hour",
        "email_change_address": "20 per hour",
        "email_change_target": "3 per hour",
        "failed_sign_in": "5 per hour",
        "sign_in_mail": "1 per hour",
    }
    return {name: env.str(f"THROTTLE_{name.upper()}", default=rate) for name, rate in rates.items()}


def redis_url() -> str:
    """Return the address of Redis, or nothing. A refused one is not repeated: it has a password."""
    url: str = env.str("REDIS_URL", default="")
    if url and not leads_to_redis(url):
        raise ImproperlyConfigured(
            "REDIS_URL must be like redis://:password@redis.example.org:6379/0,"
            " rediss://redis.example.org/0 or unix:///run/redis.sock."
        )
    return url


def leads_to_redis(url: str) -> bool:
    """Return whether a connection can be made of it, though not whether anybody answers."""
    try:  # Only a connection, not its pool, refuses unknown options.
        import_string("redis.ConnectionPool").from_url(url).make_connection()
    except Exception:
        return False
    # redis-py takes 0 for a database that is no number.
    return bool(re.fullmatch(r"(rediss?://[^/?\s]*(/\d*)?|unix://[^/?\s]*/[^?]+)(\?.*)?", url))


def session_caches() -> dict[str, dict[str, Any]]:
    """Return the cache that keeps browsers' data if SESSION_STORE says redis."""
    if SESSION_STORE != "redis":
        return {}
    if not REDIS_URL:
        raise ImproperlyConfigured("SESSION_STORE is redis, and REDIS_URL does not say which.")
    options = {
        "serializer": "accounts.browser.sessiondata.redis.Signed",
        "socket_timeout": 5,
        "socket_connect_timeout": 5,
    }
    backend = "django.core.cache.backends.redis.RedisCache"
    return {"sessions": {"BACKEND": backend, "LOCATION": REDIS_URL, "OPTIONS": options}}


def session_files() -> Path:
    """Return where the files of SESSION_STORE=file are, made if they are wanted."""
    directory = STATE_DIR / "sessions"
    if SESSION_STORE == "file":
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    return directory


def mail() -> dict[str, Any]:
    """Return Django's settings for the mail server of EMAIL_URL; without it mail is printed."""
    url = env.str("EMAIL_URL", default="consolemail://")
    try:
        config: dict[str, Any] = environ.Env.email_url_config(url)
    except (ImproperlyConfigured, ValueError):
        config = {}
    if not config or (url.startswith("smtp") and not config["EMAIL_HOST"]):
        raise ImproperlyConfigured(
            "EMAIL_URL must be like smtp+tls://user:password@smtp.example.org:587."
        )
    filed = config["EMAIL_BACKEND"].endswith(".filebased.EmailBackend")
    if filed and not Path(config["EMAIL_FILE_PATH"]).is_absolute():
        raise ImproperlyConfigured(
            "The path in EMAIL_URL must be absolute: write it with four slashes, as in"
            " filemail:////var/spool/latchkey."
        )
    if config["EMAIL_BACKEND"].endswith(".console.EmailBackend"):
        config["EMAIL_BACKEND"] = "project.web.console.EmailBackend"
    return config


def breached_passwords() -> list[dict[str, Any]]:
    """Return the validator that asks the service at BREACHED_PASSWORDS_URL, if that is set."""
    url = env.str("BREACHED_PASSWORDS_URL", default="")
    if not url:
        return []
    origin = url[: url.find("/", len("https://"))]
    safe = re.match(r"https://|http://(localhost|127\.0\.0\.1)(:|$)", origin)
    if not (safe and is_origin(origin) and re.fullmatch(r"\S+/", url)):
        raise ImproperlyConfigured(
            "BREACHED_PASSWORDS_URL must be like https://api.pwnedpasswords.com/range/."
        )
    return [{"NAME": "accounts.breaches.BreachedPasswordValidator", "OPTIONS": {"url": url}}]


def static_root() -> Path:
    """Return where static files are collected; it is made, since WhiteNoise looks there.

    Whatever is in it is served to everybody.
    """
    directory = Path(env.str("STATIC_ROOT", default=str(STATE_DIR / "static"))).resolve()
    for private in (BASE_DIR, STATE_DIR, SESSION_FILE_PATH, Path(DATABASES["default"]["NAME"])):
        if private.resolve().is_relative_to(directory):
            raise ImproperlyConfigured(
                f"STATIC_ROOT cannot be {str(directory)!r}: with it {private} would be public."
            )
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    return directory


HOST = env.str("HOST", default="127.0.0.1")
PORT = number("PORT", 8000, least=1, most=65535)
PUBLIC_URL = public_url()
SECURE = PUBLIC_URL.startswith("https://")
HOSTNAME = urlsplit(PUBLIC_URL).netloc.removesuffix(f":{urlsplit(PUBLIC_URL).port}")
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")

SECRET_KEY = env.str("SECRET_KEY")
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
DEBUG = switch("DEBUG", default=False)
ALLOWED_HOSTS = [
    HOSTNAME,
    *(LOOPBACK if HOSTNAME in LOOPBACK else ()),
    *env.list("ALLOWED_HOSTS", default=[]),
]

# Pages elsewhere that may call the API with cookies; of the same site, or browsers send none.
CORS_ORIGINS = env.list("CORS_ORIGINS", default=[])
CORS_ALLOWED_ORIGINS = CORS_ORIGINS
CORS_ALLOW_CREDENTIALS = True
CORS_URLS_REGEX = r"^/api/"
CORS_ALLOW_METHODS = ("DELETE", "GET", "PATCH", "POST", "PUT")
CORS_ALLOW_HEADERS = (
    *("authorization", "content-type", "idempotency-key", "x-csrftoken", "x-request-id"),
)
CORS_EXPOSE_HEADERS = ("Retry-After", "WWW-Authenticate", "X-Request-ID")
CORS_PREFLIGHT_MAX_AGE = 600  # seconds

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "corsheaders",
    "csp",
    "rest_framework",
    "django_tasks",
    "django_tasks_db",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "accounts",
    "tokens",
    "project",
]

MIDDLEWARE = [
    "project.web.request_log.RequestLog",
    "project.web.errors.RefusalMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "project.web.headers.HeadersMiddleware",
    "django.middleware.security.SecurityMiddleware",
    *(["corsheaders.middleware.CorsMiddleware"] if CORS_ORIGINS else []),
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "accounts.browser.middleware.SessionMiddleware",
    "project.web.errors.CommonMiddleware",
    "accounts.browser.middleware.CsrfViewMiddleware",
    "accounts.browser.middleware.AuthenticationMiddleware",
    "accounts.browser.middleware.MessageMiddleware",
    "project.web.plain_views.PlainViewMiddleware",
]

ROOT_URLCONF = "project.urls"
WSGI_APPLICATION = "project.wsgi.application"
REDIS_URL = redis_url()
# Processes that count for themselves would each allow what is allowed once.
WORKERS = number("WORKERS", 2 if REDIS_URL else 1, least=1, most=256)
THREADS = number("THREADS", 4, least=1, most=256)
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES = {"default": database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "accounts.User"
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "logout"
AUTHENTICATION_BACKENDS = ["accounts.backends.NameOrEmailBackend"]
PASSWORD_HASHERS = [
    "accounts.hashers.Argon2idHasher",
    "accounts.hashers.PBKDF2Hasher",
    "accounts.hashers.ScryptHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 8},
    },
    {"NAME": "accounts.validators.MaximumLengthValidator"},
    {"NAME": "accounts.validators.ContextWordValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("username", "first_name", "last_name", "email")},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    *breached_passwords(),
]

PASSWORD_RESET_TIMEOUT = int(duration("LINK_LIFETIME", timedelta(days=1)).total_seconds())

# Mail leaves through a queue in the database, which the worker empties. Nobody waits for it.
TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
globals().update(mail())
EMAIL_TIMEOUT = 10  # seconds
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default=f"Latchkey <no-reply@{HOSTNAME}>")

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["tokens.http.authentication.BearerAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "UNAUTHENTICATED_USER": "tokens.http.authentication.AnonymousTokenUser",
    "DEFAULT_PARSER_CLASSES": ["project.web.json.JSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "project.web.json.JSONAlways",
    "DEFAULT_METADATA_CLASS": None,
    "EXCEPTION_HANDLER": "project.web.errors.exception_handler",
    "DEFAULT_SCHEMA_CLASS": "project.web.docs.BodySchema",
}

SPECTACULAR_SETTINGS = {
    "TITLE": "Latchkey",
    "VERSION": "0.1.0",
    "OAS_VERSION": "3.1.0",  # 3.0 has no body for DELETE
    "DESCRIPTION": "Signs people and programs in and rotates their access and refresh tokens.",
    "TAGS": [
        {"name": "tokens", "description": "Sign in, spend a refresh token, sign out."},
        {"name": "sessions", "description": "The devices that are signed in, and their end."},
        {"name": "account", "description": "One's own account and password."},
        {"name": "example", "description": "How an API of your own is protected."},
    ],
    "ENFORCE_NON_BLANK_FIELDS": True,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
}

SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME": duration("ACCESS_TOKEN_LIFETIME", timedelta(minutes=5)),
    "REFRESH_TOKEN_LIFETIME": duration("REFRESH_TOKEN_IDLE_LIFETIME", timedelta(days=14)),
    "ALGORITHM": choice("TOKEN_ALGORITHM", ("ES256", "RS256", "EdDSA"), default="ES256"),
    "ISSUER": env.str("TOKEN_ISSUER", default=PUBLIC_URL),
    "AUDIENCE": env.str("TOKEN_AUDIENCE", default=PUBLIC_URL),
    "LEEWAY": duration("TOKEN_LEEWAY", timedelta(seconds=10)),
    "USER_ID_FIELD": "pk",
    "USER_ID_CLAIM": "sub",
    "AUTH_TOKEN_CLASSES": ("tokens.jwt.claims.AccessToken",),
}

# Browsers: their device session is believed; what else is known of them is kept in SESSION_STORE.
SESSION_STORE = choice("SESSION_STORE", ("database", "file", "redis"), default="database")
SESSION_ENGINE = f"accounts.browser.sessiondata.{SESSION_STORE}"
SESSION_CACHE_ALIAS = "sessions"
SESSION_FILE_PATH = session_files()
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    **session_caches(),
}
BROWSER_LIFETIME = duration("BROWSER_LIFETIME", timedelta(hours=12))
SESSION_COOKIE_AGE = int(BROWSER_LIFETIME.total_seconds())
SESSION_EXPIRE_AT_BROWSER_CLOSE = True

TOKENS = {
    "CLIENT_ID": env.str("TOKEN_CLIENT_ID", default="latchkey"),
    "ABSOLUTE_LIFETIME": duration("REFRESH_TOKEN_ABSOLUTE_LIFETIME", timedelta(days=90)),
    "BROWSER_LIFETIME": BROWSER_LIFETIME,
    "COOKIES_SECURE": SECURE,
    "COOKIE_ORIGINS": tuple(CORS_ORIGINS),
    "GRACE_PERIOD": duration("REFRESH_GRACE_PERIOD", timedelta(seconds=30)),
    "RETRY_WINDOW": duration("REFRESH_RETRY_WINDOW", timedelta(hours=24)),
    "SESSIONS_PER_USER": number("SESSIONS_PER_USER", 50),
    "THROTTLES": throttles(),
    "THROTTLE_STORAGE": re.sub("^unix:", "redis+unix:", REDIS_URL),
    "PROXIES": number("PROXIES", 0, most=10),
    "PUBLIC_URL": PUBLIC_URL,
    "SNAPSHOT_INTERVAL": duration("SNAPSHOT_INTERVAL", timedelta(seconds=1)),
    "SIGNING_KEY_AGE": duration("SIGNING_KEY_AGE", timedelta(days=90)),
    "JWKS_MAX_AGE": duration("JWKS_MAX_AGE", timedelta(minutes=5)),
    "STATUS_LIST": switch("STATUS_LIST", default=True),
    "STATUS_LIST_MAX_AGE": duration("STATUS_LIST_MAX_AGE", timedelta(seconds=5)),
}

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True

# What a page has to say after a redirect is in a cookie: nobody gets a session for it.
MESSAGE_STORAGE = "django.contrib.messages.storage.cookie.CookieStorage"

STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = static_root()
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "project.web.static.StaticFiles"},
}
WHITENOISE_USE_FINDERS = True
WHITENOISE_ALLOW_ALL_ORIGINS = False

# The prefix has browsers take the cookie from this host alone, and over https (RFC 6265bis, 4.1.3).
COOKIE_PREFIX = "__Host-" if SECURE else ""
SESSION_COOKIE_NAME = f"{COOKIE_PREFIX}sessionid"
SESSION_COOKIE_SECURE = SECURE
CSRF_COOKIE_NAME = f"{COOKIE_PREFIX}csrftoken"
CSRF_COOKIE_SECURE = SECURE
CSRF_COOKIE_HTTPONLY = True
# Forms of pages. The API has a check of its own (tokens/http/csrf.py), which accepts CORS_ORIGINS
# too.
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
CSRF_FAILURE_VIEW = "project.web.errors.csrf_failed"
SECURE_SSL_REDIRECT = SECURE
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SECURE else None
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_HSTS_SECONDS = 31_536_000 if SECURE else 0
# Off by default: both also bind hosts of the domain that this site knows nothing about.
HSTS_SUBDOMAINS = switch("HSTS_SUBDOMAINS", default=False)
HSTS_PRELOAD = switch("HSTS_PRELOAD", default=False)
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE and HSTS_SUBDOMAINS
SECURE_HSTS_PRELOAD = SECURE and HSTS_PRELOAD
SILENCED_SYSTEM_CHECKS = [
    "security.W003",  # It looks for Django's CsrfViewMiddleware, and the site has a subclass of it.
    *("security.W005", "security.W021"),  # The operator chooses HSTS_SUBDOMAINS and HSTS_PRELOAD.
    *("security.W009", "security.W018"),  # latchkey.E009 and latchkey.E008 are errors.
]
X_FRAME_OPTIONS = "DENY"
# A link that proves something is told to nobody; "no-referrer" would hide the Origin from us too.
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "img-src": [SELF],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "upgrade-insecure-requests": SECURE,
    }
}

LOGGING = logs.configuration(
    choice("LOG_FORMAT", logs.FORMATS, default=logs.default_format()),
    choice("LOG_LEVEL", logs.LEVELS, default="INFO"),
)
