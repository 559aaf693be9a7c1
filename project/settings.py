"""All settings of the site, read once from the environment and `.env`.

Environment variables set what a deployment may change: docs/settings.md describes them. A variable
of the environment wins over a line of `.env`. A wrong value stops the start. PUBLIC_URL decides
what the site issues and how cookies are protected; DEBUG decides neither.
"""

import re
from datetime import timedelta
from email.utils import formataddr
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from project import directories, services, throttles
from project.env import Environment, file, read
from project.web import api_document, content_policy, logs

BASE_DIR = Path(__file__).resolve().parent.parent

env = Environment(read(file()))
STATE_DIR = Path(env.text("STATE_DIR", str(BASE_DIR / "var"))).resolve()

#: The name of the site for people, and the path of its logo below static/.
SITE_NAME = env.text("SITE_NAME", "Latchkey")
SITE_LOGO = env.text("SITE_LOGO", "logo.svg")

HOST = env.text("HOST", "127.0.0.1")
PORT = env.number("PORT", 8000, least=1, most=65535)
PUBLIC_URL = env.origin("PUBLIC_URL", f"http://localhost:{PORT}")
SECURE = PUBLIC_URL.startswith("https://")
HOSTNAME = urlsplit(PUBLIC_URL).netloc.removesuffix(f":{urlsplit(PUBLIC_URL).port}")
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
# The pages under /compare/ work with temporary users and cost much time.
DEMO = env.switch("DEMO", default=HOSTNAME in LOOPBACK)

SECRET_KEY = env.text("SECRET_KEY")
SECRET_KEY_FALLBACKS = env.texts("SECRET_KEY_FALLBACKS")
DEBUG = env.switch("DEBUG", default=False)
OWN_HOSTS = (HOSTNAME, *LOOPBACK) if HOSTNAME in LOOPBACK else (HOSTNAME,)
ALLOWED_HOSTS = [*OWN_HOSTS, *env.texts("ALLOWED_HOSTS")]

# Pages of these origins may call the API with cookies. Browsers send cookies to the same site only.
CORS_ORIGINS = env.texts("CORS_ORIGINS")
CORS_ALLOWED_ORIGINS = CORS_ORIGINS
CORS_ALLOW_CREDENTIALS = True
CORS_URLS_REGEX = r"^/(api|oauth)/"
CORS_ALLOW_METHODS = ("DELETE", "GET", "PATCH", "POST", "PUT")
CORS_ALLOW_HEADERS = (
    *("authorization", "content-type", "idempotency-key", "x-csrftoken", "x-request-id"),
)
CORS_EXPOSE_HEADERS = ("Retry-After", "WWW-Authenticate", "X-Request-ID")
CORS_PREFLIGHT_MAX_AGE = 600  # seconds

INSTALLED_APPS = [
    "project.apps.SiteAdminConfig",
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
    "project.apps.ProjectConfig",
]

MIDDLEWARE = [
    "project.web.request_log.RequestLog",
    "project.web.programs.ProgramMiddleware",
    "project.web.errors.RefusalMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "project.web.headers.HeadersMiddleware",
    "project.web.program_errors.ProgramErrorMiddleware",
    "django.middleware.security.SecurityMiddleware",
    *(["corsheaders.middleware.CorsMiddleware"] if CORS_ORIGINS else []),
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "project.web.errors.CommonMiddleware",
    "accounts.browser.middleware.SessionMiddleware",
    "accounts.browser.middleware.CsrfViewMiddleware",
    "accounts.browser.middleware.AuthenticationMiddleware",
    "accounts.browser.middleware.MessageMiddleware",
    "project.web.plain_views.PlainViewMiddleware",
]

ROOT_URLCONF = "project.urls"
WSGI_APPLICATION = "project.wsgi.application"
METRICS_TOKEN = env.text("METRICS_TOKEN", "")
REDIS_URL = services.redis(env.text("REDIS_URL", ""))
# Without Redis each process counts attempts by itself, and allows the full number.
WORKERS = env.number("WORKERS", 2 if REDIS_URL else 1, least=1, most=256)
THREADS = env.number("THREADS", 4, least=1, most=256)
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
                "project.web.context_processors.site",
            ],
        },
    },
]

DATABASES = {
    "default": services.database(
        env.text("DATABASE_URL", f"sqlite:///{STATE_DIR / 'latchkey.sqlite3'}")
    )
}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    directories.create(STATE_DIR, setting="STATE_DIR")
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
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},  # 8 characters
    {"NAME": "accounts.validators.MaximumLengthValidator"},
    {"NAME": "accounts.validators.ContextWordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    *services.breached_passwords(env.text("BREACHED_PASSWORDS_URL", "")),
]

PASSWORD_RESET_TIMEOUT = int(env.duration("LINK_LIFETIME", timedelta(days=1)).total_seconds())

# A queue in the database holds mail until the worker sends it. No request waits for a mail server.
TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
globals().update(services.mail(env.text("EMAIL_URL", "consolemail://")))
EMAIL_TIMEOUT = 10  # seconds
SENDER = formataddr((SITE_NAME, f"no-reply@{HOSTNAME}"))
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", SENDER)
NEW_DEVICE_MAIL = env.switch("NEW_DEVICE_MAIL", default=True)

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["tokens.http.authentication.BearerAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "UNAUTHENTICATED_USER": "tokens.http.authentication.AnonymousTokenUser",
    "DEFAULT_PARSER_CLASSES": ["project.web.json.JSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["project.web.json.JSONRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "project.web.json.JSONAlways",
    "DEFAULT_METADATA_CLASS": None,
    "EXCEPTION_HANDLER": "project.web.errors.exception_handler",
    "DEFAULT_SCHEMA_CLASS": "project.web.docs.BodySchema",
}

SPECTACULAR_SETTINGS = api_document.settings(title=SITE_NAME)

SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME": env.duration("ACCESS_TOKEN_LIFETIME", timedelta(minutes=5)),
    "REFRESH_TOKEN_LIFETIME": env.duration("REFRESH_TOKEN_IDLE_LIFETIME", timedelta(days=14)),
    "ALGORITHM": env.choice("TOKEN_ALGORITHM", ("ES256", "RS256", "EdDSA"), default="ES256"),
    "ISSUER": env.text("TOKEN_ISSUER", PUBLIC_URL),
    "AUDIENCE": env.texts("TOKEN_AUDIENCE", [PUBLIC_URL]),
    "LEEWAY": env.duration("TOKEN_LEEWAY", timedelta(seconds=10)),
    "USER_ID_FIELD": "pk",
    "USER_ID_CLAIM": "sub",
    "AUTH_TOKEN_CLASSES": ("tokens.jwt.claims.AccessToken",),
}

# A browser is signed in by its device session. SESSION_STORE keeps the other data of browsers.
SESSION_STORE = env.choice("SESSION_STORE", ("database", "file", "redis"), default="database")
SESSION_ENGINE = f"accounts.browser.sessiondata.{SESSION_STORE}"
SESSION_CACHE_ALIAS = "sessions"
SESSION_FILE_PATH = STATE_DIR / "sessions"
if SESSION_STORE == "file":
    directories.create(SESSION_FILE_PATH, setting="STATE_DIR")
CACHES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
}
if SESSION_STORE == "redis":
    CACHES["sessions"] = services.session_cache(REDIS_URL)
BROWSER_LIFETIME = env.duration("BROWSER_LIFETIME", timedelta(hours=12))
SESSION_COOKIE_AGE = int(BROWSER_LIFETIME.total_seconds())
SESSION_EXPIRE_AT_BROWSER_CLOSE = True

TOKENS: dict[str, Any] = {
    "CLIENT_ID": env.text("TOKEN_CLIENT_ID", "latchkey"),
    "SCOPES": env.mapping("TOKEN_SCOPES"),
    "CLAIMS": env.text("TOKEN_CLAIMS", ""),
    "SERVICE_SECRETS_AS_TOKENS": env.switch("SERVICE_SECRETS_AS_TOKENS", default=False),
    "ABSOLUTE_LIFETIME": env.duration("REFRESH_TOKEN_ABSOLUTE_LIFETIME", timedelta(days=90)),
    "BROWSER_LIFETIME": BROWSER_LIFETIME,
    "COOKIES_SECURE": SECURE,
    "COOKIE_ORIGINS": tuple(CORS_ORIGINS),
    "GRACE_PERIOD": env.duration("REFRESH_GRACE_PERIOD", timedelta(seconds=30)),
    "RETRY_WINDOW": env.duration("REFRESH_RETRY_WINDOW", timedelta(hours=24)),
    "SESSIONS_PER_USER": env.number("SESSIONS_PER_USER", 50),
    "THROTTLES": throttles.rates(env),
    "THROTTLE_STORAGE": re.sub("^unix:", "redis+unix:", REDIS_URL),
    "PROXIES": env.number("PROXIES", 0, most=10),
    "PUBLIC_URL": PUBLIC_URL,
    "SNAPSHOT_INTERVAL": env.duration("SNAPSHOT_INTERVAL", timedelta(seconds=1)),
    "SIGNING_KEY_AGE": env.duration("SIGNING_KEY_AGE", timedelta(days=90)),
    "JWKS_MAX_AGE": env.duration("JWKS_MAX_AGE", timedelta(minutes=5)),
    "EVENTS_KEPT": env.duration("EVENTS_KEPT", timedelta(days=365)),
    "STATUS_LIST": env.switch("STATUS_LIST", default=True),
    "STATUS_LIST_MAX_AGE": env.duration("STATUS_LIST_MAX_AGE", timedelta(seconds=5)),
}

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
FORMAT_MODULE_PATH = "project.formats"
LOCALE_PATHS = [BASE_DIR / "locale"]  # where `manage.py makemessages` collects the texts

# A cookie holds the message that the page after a redirect shows, so a visitor needs no session.
MESSAGE_STORAGE = "accounts.browser.messages.MessageStorage"

STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = directories.static_root(
    env.text("STATIC_ROOT", str(STATE_DIR / "static")),
    private=(BASE_DIR, STATE_DIR, SESSION_FILE_PATH, Path(DATABASES["default"]["NAME"])),
)
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "project.web.static.StaticFiles"},
}
WHITENOISE_USE_FINDERS = True
WHITENOISE_ALLOW_ALL_ORIGINS = False

# Browsers accept a cookie with this prefix from this host only, over https (RFC 6265bis, 4.1.3).
COOKIE_PREFIX = "__Host-" if SECURE else ""
SESSION_COOKIE_NAME = f"{COOKIE_PREFIX}sessionid"
SESSION_COOKIE_SECURE = SECURE
CSRF_COOKIE_NAME = f"{COOKIE_PREFIX}csrftoken"
CSRF_COOKIE_SECURE = SECURE
CSRF_COOKIE_HTTPONLY = True
# These origins may submit the forms of pages. The check of the API (tokens/http/csrf.py) accepts
# CORS_ORIGINS too.
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
CSRF_FAILURE_VIEW = "project.web.errors.csrf_failed"
SECURE_SSL_REDIRECT = SECURE
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SECURE else None
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_HSTS_SECONDS = 31_536_000 if SECURE else 0
# Both are off by default, because they also apply to the other hosts of the domain.
HSTS_SUBDOMAINS = env.switch("HSTS_SUBDOMAINS", default=False)
HSTS_PRELOAD = env.switch("HSTS_PRELOAD", default=False)
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE and HSTS_SUBDOMAINS
SECURE_HSTS_PRELOAD = SECURE and HSTS_PRELOAD
SILENCED_SYSTEM_CHECKS = [
    # latchkey.E001 is an error about the same, and names CORS_ORIGINS.
    *("corsheaders.E013", "corsheaders.E014"),
    # Over http latchkey.W001 or W011 says what to set: PUBLIC_URL decides about all three.
    *(() if SECURE else ("security.W004", "security.W008", "security.W010")),
    "security.W003",  # It looks for Django's CsrfViewMiddleware, and the site uses a subclass.
    *("security.W005", "security.W021"),  # The operator chooses HSTS_SUBDOMAINS and HSTS_PRELOAD.
    # latchkey.E008, E009 and E012 are errors about the same.
    *("security.W018", "security.W009", "security.W025"),
    # `manage.py spectacular` lists the views that /api/docs/ describes incompletely.
    *("drf_spectacular.W001", "drf_spectacular.W002"),
]
X_FRAME_OPTIONS = "DENY"
# Other sites never receive a mailed link as the referrer. "no-referrer" would also hide the Origin.
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
CONTENT_SECURITY_POLICY = content_policy.settings(secure=SECURE)

DEFAULT_EXCEPTION_REPORTER_FILTER = "tokens.http.error_reports.ReportFilter"
LOGGING = logs.configuration(
    env.choice("LOG_FORMAT", logs.FORMATS, default=logs.default_format()),
    env.choice("LOG_LEVEL", logs.LEVELS, default="INFO"),
)
