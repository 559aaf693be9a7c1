"""System checks of the environment: unsafe values and misspelt names."""

import os
import re
from collections.abc import Iterator
from email.utils import parseaddr
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.staticfiles import finders
from django.core import checks
from django.core.checks import CheckMessage
from django.core.checks.security.base import check_secret_key, check_secret_key_fallbacks
from django.core.exceptions import SuspiciousFileOperation

from project import env
from project.spelling import misspelt

#: How a line of `.env` sets a variable.
SET = re.compile(r"^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=", re.MULTILINE)
#: A host that a Host header can name, or * for any host.
HOST = re.compile(r"\*|\.?[a-z0-9.-]+|\[[0-9a-f:.]+\]", re.IGNORECASE)
#: Mail backends that send no mail, with what they do.
NOWHERE = {
    "console": "printed into the log, with links that set passwords",
    "filebased": "written into files, with links that set passwords",
    "locmem": "kept in memory",
    "dummy": "discarded",
}
#: Requests to /metrics are not throttled.
MIN_METRICS_TOKEN = 16  # characters


def findings(*, deploy: bool) -> list[CheckMessage]:
    """Run the system checks, with those for a public site or not; return what they find."""
    found = checks.run_checks(include_deployment_checks=deploy)
    return [message for message in found if not message.is_silenced()]


def check_environment(**kwargs: Any) -> list[CheckMessage]:
    """Return the errors and warnings for every site."""
    return [
        *_check_transport(),
        *_check_names(),
        *_check_origins(),
        *_check_hsts(),
        *_check_own_names(),
        *_check_mail(),
        *_check_site(),
    ]


def check_deployment(**kwargs: Any) -> list[CheckMessage]:
    """Return the errors and warnings for a public site."""
    return [
        *_check_secrets(),
        *_check_database(),
        *_check_local_transport(),
        *_check_hosts(),
        *_check_mail_server(),
        *_check_counting(),
        *_check_metrics(),
    ]


def _warning(number: int, message: str, hint: str) -> CheckMessage:
    return checks.Warning(message, hint=hint, id=f"latchkey.W{number:03}")


def _error(number: int, message: str, hint: str) -> CheckMessage:
    return checks.Error(message, hint=hint, id=f"latchkey.E{number:03}")


def _check_transport() -> Iterator[CheckMessage]:
    if not settings.SECURE and settings.HOSTNAME not in settings.LOOPBACK:
        yield _warning(
            1,
            f"{settings.PUBLIC_URL} sends passwords and tokens in the clear.",
            "Put an https proxy in front of the site, and set PUBLIC_URL to its URL.",
        )


def _check_local_transport() -> Iterator[CheckMessage]:
    if not settings.SECURE and settings.HOSTNAME in settings.LOOPBACK:
        yield _warning(
            11,
            f"With {settings.PUBLIC_URL} the site is for this machine: cookies are not Secure, and"
            " nothing redirects browsers to https.",
            "Set PUBLIC_URL to the https URL of the public site.",
        )


def _check_origins() -> Iterator[CheckMessage]:
    for origin in settings.CORS_ORIGINS:
        if not env.ORIGIN.fullmatch(origin):
            yield _error(
                1,
                f"CORS_ORIGINS contains {origin!r}, which is not an origin.",
                "Write each origin in CORS_ORIGINS like https://app.example.org, without a path.",
            )
        elif settings.SECURE and not origin.startswith("https://"):
            yield _error(
                2,
                f"An attacker on the network could change pages of {origin} and act as signed-in"
                " users.",
                "Use only origins in CORS_ORIGINS that begin with https://.",
            )
        elif _site(origin) != _site(settings.PUBLIC_URL):
            yield _warning(
                8,
                f"{origin} is on another site than {settings.PUBLIC_URL}, so browsers send no"
                " cookies.",
                "Name an origin in CORS_ORIGINS that shares the domain of PUBLIC_URL, or let its"
                " pages keep the tokens without cookies (docs/clients.md).",
            )


def _check_hsts() -> Iterator[CheckMessage]:
    if settings.HSTS_PRELOAD and not settings.HSTS_SUBDOMAINS:
        yield _error(
            7,
            "The preload lists of browsers accept a domain only together with its subdomains.",
            "Set HSTS_SUBDOMAINS=on if every host of the domain is reached by https, or leave"
            " HSTS_PRELOAD off.",
        )


def _site(origin: str) -> str:
    """Return the last two labels of the host, which name the site.

    Under suffixes like co.uk, hosts of different sites have the same labels: then no check warns.
    """
    host = urlsplit(origin).hostname or ""
    if ":" in host or host.replace(".", "").isdigit():
        return host  # an IP address has no labels
    return ".".join(host.split(".")[-2:])


def _check_own_names() -> Iterator[CheckMessage]:
    for host in settings.ALLOWED_HOSTS:
        if not HOST.fullmatch(host):
            yield _error(
                6,
                f"ALLOWED_HOSTS contains {host!r}, which no request can have as its host.",
                "Write hosts in ALLOWED_HOSTS like id.example.org, without scheme, port or spaces.",
            )


def _check_mail() -> Iterator[CheckMessage]:
    if settings.PASSWORD_RESET_TIMEOUT <= 0:
        yield _error(
            3,
            "Links in mails would expire immediately.",
            "Set LINK_LIFETIME to 86400 (seconds).",
        )
    sender = settings.DEFAULT_FROM_EMAIL
    local, _, domain = parseaddr(sender)[1].rpartition("@")
    if not (local and domain and sender.splitlines() == [sender]):
        yield _error(
            5,
            f"Mail cannot be sent from {sender!r}, which is not an e-mail address.",
            "Set DEFAULT_FROM_EMAIL to an address like Latchkey <no-reply@example.org>.",
        )


def _check_site() -> Iterator[CheckMessage]:
    if settings.DEMO and (most := settings.TOKENS["SESSIONS_PER_USER"]) < 3:
        yield _warning(
            10,
            f"The comparison signs a temporary user in three times, which {most} does not allow.",
            "Set SESSIONS_PER_USER to 3 or more, or DEMO=off.",
        )
    if not settings.SITE_NAME.isprintable():
        yield _error(
            10,
            f"The name of the site cannot be {settings.SITE_NAME!r}.",
            "Set SITE_NAME to one line without control characters.",
        )
    try:
        logo = finders.find(settings.SITE_LOGO)
    except SuspiciousFileOperation:
        logo = None
    if not logo:
        yield _error(
            11,
            f"There is no static file {settings.SITE_LOGO!r} for the logo of the site.",
            "Set SITE_LOGO to the path of an image in static/, relative to that directory.",
        )


def _check_names() -> Iterator[CheckMessage]:
    """Warn of a variable that looks like a misspelt setting.

    Other variables belong to other programs, or to apps that a developer has added.
    """
    written = set(SET.findall(env.content(env.file())))
    for name, meant in misspelt(written | os.environ.keys()).items():
        hint = f"Did you mean {meant}?"
        yield _warning(2, f"There is no setting {name}: it has no effect.", hint)


def _check_secrets() -> Iterator[CheckMessage]:
    """Check what would reveal the site's secrets. Django only warns about it."""
    if settings.DEBUG:
        yield _error(
            8,
            "With DEBUG, an error page shows the code, settings and variables to every visitor.",
            "Set DEBUG=off, or remove it.",
        )
    if check_secret_key(None):
        yield _error(
            9,
            "SECRET_KEY can be guessed: it is short or monotonous, or an example's key.",
            "Set SECRET_KEY to the output of"
            " python3 -c 'import secrets; print(secrets.token_urlsafe(48))'.",
        )
    if check_secret_key_fallbacks(None):
        yield _error(
            12,
            "A key in SECRET_KEY_FALLBACKS can be guessed, and the site accepts what it has signed:"
            " it is short or monotonous, or an example's key.",
            "Remove it from SECRET_KEY_FALLBACKS, and do what docs/operating.md says of a stolen"
            " key: users have to sign in again.",
        )


def _check_database() -> Iterator[CheckMessage]:
    if settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        yield _warning(
            3,
            "SQLite allows one write at a time, and only processes on one machine can use it.",
            "Set DATABASE_URL to a PostgreSQL database: postgres://…",
        )


def _check_hosts() -> Iterator[CheckMessage]:
    if "*" in settings.ALLOWED_HOSTS:
        yield _warning(
            4,
            "The site accepts any Host header.",
            "Remove * from ALLOWED_HOSTS: the host of PUBLIC_URL is always allowed.",
        )


def _check_mail_server() -> Iterator[CheckMessage]:
    kind = settings.EMAIL_BACKEND.split(".")[-2]
    if kind in NOWHERE:
        yield _warning(
            5,
            f"Mail is {NOWHERE[kind]}, and not sent.",
            "Set EMAIL_URL to your mail server: smtp+tls://user:password@smtp.example.org:587.",
        )
    encrypted = settings.EMAIL_USE_TLS or settings.EMAIL_USE_SSL
    if kind == "smtp" and not encrypted and settings.EMAIL_HOST not in ("::1", *settings.LOOPBACK):
        yield _warning(
            9,
            f"Mail goes to {settings.EMAIL_HOST} in the clear, with links that set passwords.",
            "Begin EMAIL_URL with smtp+tls:// or smtp+ssl://, or name a relay on this machine.",
        )


def _check_counting() -> Iterator[CheckMessage]:
    """Check that processes count attempts together, and visitors separately."""
    if settings.WORKERS > 1 and not settings.TOKENS["THROTTLE_STORAGE"]:
        yield _warning(
            6,
            f"Each of {settings.WORKERS} processes counts attempts separately, and allows all of"
            " them.",
            "Set REDIS_URL, so that the processes share the counters, or set WORKERS to 1.",
        )
    if settings.SECURE and not settings.TOKENS["PROXIES"]:
        yield _warning(
            7,
            "All visitors have the proxy's address, so one can use up the attempts of all.",
            "Set PROXIES to the number of proxies that append to X-Forwarded-For, usually 1.",
        )


def _check_metrics() -> Iterator[CheckMessage]:
    if settings.METRICS_TOKEN and len(settings.METRICS_TOKEN) < MIN_METRICS_TOKEN:
        yield _warning(
            12,
            f"METRICS_TOKEN can be guessed: it has fewer than {MIN_METRICS_TOKEN} characters.",
            "Set METRICS_TOKEN to the output of"
            " python3 -c 'import secrets; print(secrets.token_urlsafe(24))'.",
        )
