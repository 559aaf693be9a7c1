"""What `manage.py check` says of the environment: what is unsafe, and what is misspelt."""

import os
import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from email.utils import parseaddr
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage
from django.core.checks.security.base import check_secret_key

from project import env

EXAMPLE = Path(__file__).resolve().parent.parent / ".env.example"
#: How a line of `.env` or, as a comment, of `.env.example` names a setting.
NAME = re.compile(r"^\s*#?(?:export\s+)?([A-Z][A-Z0-9_]*)\s*=", re.MULTILINE)
SET = re.compile(r"^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=", re.MULTILINE)

#: How like a setting a variable is that is taken for it: EMAIL_URI is, DATABASE_USER is not.
CUTOFF = 0.885
#: What a request can ask for by its Host header, and * for anything.
HOST = re.compile(r"\*|\.?[a-z0-9.-]+|\[[0-9a-f:.]+\]", re.IGNORECASE)
#: Where mail goes that goes to nobody.
NOWHERE = {
    "console": "printed into the log, with links that set passwords",
    "filebased": "written into files, with links that set passwords",
    "locmem": "kept in memory",
    "dummy": "thrown away",
}


def check_environment(**kwargs: Any) -> list[CheckMessage]:
    """Return what is wrong wherever the site runs."""
    return [
        *_check_transport(),
        *_check_names(),
        *_check_origins(),
        *_check_hsts(),
        *_check_own_names(),
        *_check_mail(),
    ]


def check_deployment(**kwargs: Any) -> list[CheckMessage]:
    """Return what is wrong for a site in public."""
    return [
        *_check_secrets(),
        *_check_database(),
        *_check_hosts(),
        *_check_letters(),
        *_check_counting(),
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
            "Put a proxy that speaks https before the site, and set PUBLIC_URL to its address.",
        )


def _check_origins() -> Iterator[CheckMessage]:
    for origin in settings.CORS_ORIGINS:
        if not settings.ORIGIN.fullmatch(origin):
            yield _error(
                1,
                f"CORS_ORIGINS has {origin!r}, which is no single origin.",
                "Name each origin whose pages may act for who is signed in: https://app.example.org",
            )
        elif settings.SECURE and not origin.startswith("https://"):
            yield _error(
                2,
                f"Whoever is on the way to {origin} could act for who is signed in here.",
                "Leave only origins in CORS_ORIGINS that begin with https://.",
            )
        elif _site(origin) != _site(settings.PUBLIC_URL):
            yield _warning(
                8,
                f"{origin} is another site than {settings.PUBLIC_URL} and sends no cookies.",
                "Name only origins in CORS_ORIGINS that share the domain of PUBLIC_URL.",
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
    """Return the last two labels of the host: which site this is, but for suffixes like co.uk.

    There a page of somebody else passes for one of the same site, and no warning comes.
    """
    host = urlsplit(origin).hostname or ""
    if ":" in host or host.replace(".", "").isdigit():
        return host  # an address has no labels
    return ".".join(host.split(".")[-2:])


def _check_own_names() -> Iterator[CheckMessage]:
    for host in settings.ALLOWED_HOSTS:
        if not HOST.fullmatch(host):
            yield _error(
                6,
                f"ALLOWED_HOSTS has {host!r}, which no request can ask for.",
                "Name hosts in ALLOWED_HOSTS as in id.example.org, without scheme, port or blank.",
            )


def _check_mail() -> Iterator[CheckMessage]:
    if settings.PASSWORD_RESET_TIMEOUT <= 0:
        yield _error(
            3,
            "A link in a mail would be dead before anybody reads it.",
            "Set LINK_LIFETIME to 86400 (seconds).",
        )
    sender = settings.DEFAULT_FROM_EMAIL
    local, _, domain = parseaddr(sender)[1].rpartition("@")
    if not (local and domain and sender.splitlines() == [sender]):
        yield _error(
            5,
            f"Mail cannot come from {sender!r}, which is no address.",
            "Set DEFAULT_FROM_EMAIL as in Latchkey <no-reply@example.org>.",
        )


def _check_names() -> Iterator[CheckMessage]:
    """Warn of a variable that looks like a misspelt setting.

    Other variables belong to other programs, or to apps that a developer has added.
    """
    file = env.file()
    written = set(SET.findall(file.read_text())) if file.exists() else set()
    for name, meant in misspelt(written | os.environ.keys()).items():
        hint = f"Did you mean {meant}?"
        yield _warning(2, f"There is no setting {name}: it changes nothing.", hint)


def misspelt(names: Iterable[str]) -> dict[str, str]:
    """Return the names that look like a misspelt setting, each with that setting.

    The settings are those of `.env.example`, and those that project/settings.py has asked for.
    """
    example = set(NAME.findall(EXAMPLE.read_text()))
    found = {}
    for name in sorted({*names} - example - env.ASKED):
        # Of fewer letters, one makes another word: GHOST is no HOST.
        if len(name) > 5 and (setting := closest(name.upper(), example)):
            found[name] = setting
    return found


def closest(name: str, settings: set[str]) -> str | None:
    """Return the setting that the name resembles most, or None.

    A name also resembles a setting if it only has another plural (PROXYS for PROXIES), or only
    lacks words between the first and the last one (REFRESH_LIFETIME).
    """
    words = singular(name)
    same = [setting for setting in sorted(settings) if is_shortened(words, singular(setting))]
    return next(iter(get_close_matches(name, settings, n=1, cutoff=CUTOFF) or same), None)


def singular(name: str) -> list[str]:
    """Return the words of the name without their plural endings."""
    return [re.sub(r"(IE|Y)S$", "Y", word).removesuffix("S") for word in name.split("_")]


def is_shortened(words: list[str], whole: list[str]) -> bool:
    """Return whether the words are those of the whole name, or the first, the last and some."""
    rest = iter(whole)
    return (words[0], words[-1]) == (whole[0], whole[-1]) and all(word in rest for word in words)


def _check_secrets() -> Iterator[CheckMessage]:
    """Look at what would give the site's secrets away; Django only warns of both."""
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


def _check_database() -> Iterator[CheckMessage]:
    if settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        yield _warning(
            3,
            "SQLite lets one caller write at a time, and stays on one machine.",
            "Set DATABASE_URL to a PostgreSQL database: postgres://…",
        )


def _check_hosts() -> Iterator[CheckMessage]:
    if "*" in settings.ALLOWED_HOSTS:
        yield _warning(
            4,
            "The site answers under any name that a request makes up.",
            "Take * out of ALLOWED_HOSTS: the host of PUBLIC_URL is allowed anyway.",
        )


def _check_letters() -> Iterator[CheckMessage]:
    kind = settings.EMAIL_BACKEND.split(".")[-2]
    if kind in NOWHERE:
        yield _warning(
            5,
            f"Mail is {NOWHERE[kind]}, and reaches nobody.",
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
    """Look at whether attempts are counted together, and visitors apart."""
    if settings.WORKERS > 1 and not settings.TOKENS["THROTTLE_STORAGE"]:
        yield _warning(
            6,
            f"Each of {settings.WORKERS} processes counts attempts for itself, and allows them.",
            "Set REDIS_URL, where they count together, or WORKERS to 1.",
        )
    if settings.SECURE and not settings.TOKENS["PROXIES"]:
        yield _warning(
            7,
            "Every visitor seems to come from the proxy, and one can use up what all may try.",
            "Set PROXIES to how many proxies append to X-Forwarded-For: usually 1.",
        )
