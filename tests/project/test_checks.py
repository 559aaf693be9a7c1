"""The system checks report unsafe variables, with a hint."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks
from django.db import connection
from pytest_django import Settings

from project import directories
from project.checks import findings
from project.spelling import EXAMPLE

SMTP = "django.core.mail.backends.smtp.EmailBackend"


def found(*, deploy: bool = False) -> list[str]:
    messages = run_checks(include_deployment_checks=deploy)
    ours = [message for message in messages if str(message.id).startswith("latchkey.")]
    assert all(message.hint for message in ours)
    return [f"{message.id} {message.msg} {message.hint}" for message in ours]


@pytest.fixture
def public(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Return the settings of a public site that passes the checks."""
    settings.PUBLIC_URL, settings.HOSTNAME = "https://id.example.org", "id.example.org"
    settings.SECURE = True
    settings.TOKENS = {**settings.TOKENS, "PROXIES": 1, "THROTTLE_STORAGE": ""}
    settings.WORKERS = 1
    settings.EMAIL_BACKEND, settings.EMAIL_HOST = SMTP, "127.0.0.1"
    postgresql = {"ENGINE": "django.db.backends.postgresql"}
    monkeypatch.setitem(settings.DATABASES, "default", {**connection.settings_dict, **postgresql})
    return settings


def test_the_shipped_settings_pass(env_file: Path) -> None:
    shutil.copy(EXAMPLE, env_file)
    assert found() == []


@pytest.mark.parametrize("host", ["id.example.org", "192.0.2.1"])
def test_http_on_another_host_is_a_warning(settings: Settings, host: str) -> None:
    settings.HOSTNAME = host
    (message,) = found()
    assert message.startswith("latchkey.W001")


def test_deploying_over_http_names_public_url_and_no_other_setting() -> None:
    """PUBLIC_URL decides about HSTS, redirects and cookies, which Django reports separately."""
    shown = [message for message in findings(deploy=True) if "security." in str(message.id)]
    assert shown == []
    (message,) = (message for message in found(deploy=True) if "latchkey.W011" in message)
    assert " PUBLIC_URL " in message


def test_a_long_token_for_metrics_passes(public: Settings) -> None:
    public.METRICS_TOKEN = "x" * 16
    assert found(deploy=True) == []


def test_an_origin_without_a_scheme_is_reported_once(settings: Settings) -> None:
    """corsheaders reports it too, with the name of a setting that the operator cannot set."""
    settings.CORS_ORIGINS = settings.CORS_ALLOWED_ORIGINS = ["app.example.org", "https://x.org/a"]
    assert [message.id for message in findings(deploy=False)] == ["latchkey.E001"] * 2


@pytest.mark.parametrize(("most", "demo", "count"), [(2, True, 1), (3, True, 0), (2, False, 0)])
def test_too_few_sessions_for_the_comparison_are_a_warning(
    settings: Settings, most: int, demo: bool, count: int
) -> None:
    settings.TOKENS = {**settings.TOKENS, "SESSIONS_PER_USER": most}
    settings.DEMO = demo
    assert [message.startswith("latchkey.W010") for message in found()] == [True] * count


def test_a_directory_that_cannot_be_written_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directories, "CREATED", {})
    directories.create(tmp_path / "sessions", setting="STATE_DIR")
    assert found() == []
    (tmp_path / "sessions").rmdir()
    (message,) = found()
    assert message.startswith(f"latchkey.E013 The site cannot write into '{tmp_path / 'sessions'}'")


def test_sqlite_on_a_public_site_is_a_warning(settings: Settings) -> None:
    settings.EMAIL_BACKEND, settings.EMAIL_HOST = SMTP, "localhost"
    settings.DATABASES["default"] = {**settings.DATABASES["default"]}
    engine = settings.DATABASES["default"]["ENGINE"]
    try:
        settings.DATABASES["default"]["ENGINE"] = "django.db.backends.sqlite3"
        assert found() == []
        local, sqlite = "latchkey.W011", "latchkey.W003"  # The site is on this machine, too.
        assert {message.split()[0] for message in found(deploy=True)} == {sqlite, local}
        settings.DATABASES["default"]["ENGINE"] = "django.db.backends.postgresql"
        assert {message.split()[0] for message in found(deploy=True)} == {local}
    finally:
        settings.DATABASES["default"]["ENGINE"] = engine


def test_any_host_on_a_public_site_is_a_warning(settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    assert any(message.startswith("latchkey.W004") for message in found(deploy=True))


#: The mistake, its settings, and the variable that the hint names.
MISTAKES: dict[str, tuple[dict[str, Any], str]] = {
    "latchkey.E003 links that expire immediately": ({"PASSWORD_RESET_TIMEOUT": 0}, "LINK_LIFETIME"),
    "latchkey.E005 a sender without an address": (
        {"DEFAULT_FROM_EMAIL": "Latchkey"},
        "DEFAULT_FROM_EMAIL",
    ),
    "latchkey.E005 a sender without a host": (
        {"DEFAULT_FROM_EMAIL": "Latchkey <no-reply@>"},
        "DEFAULT_FROM_EMAIL",
    ),
    "latchkey.E005 a sender of two lines": (
        {"DEFAULT_FROM_EMAIL": "Latchkey\nBcc: bob@example.org <no-reply@example.org>"},
        "DEFAULT_FROM_EMAIL",
    ),
    "latchkey.E005 no sender": ({"DEFAULT_FROM_EMAIL": ""}, "DEFAULT_FROM_EMAIL"),
    "latchkey.E006 an origin for a host": ({"ALLOWED_HOSTS": ["https://x"]}, "ALLOWED_HOSTS"),
    "latchkey.E006 a host with a port": ({"ALLOWED_HOSTS": ["x.example:80"]}, "ALLOWED_HOSTS"),
    "latchkey.E006 a host after a blank": ({"ALLOWED_HOSTS": ["x", " y"]}, "ALLOWED_HOSTS"),
    "latchkey.E007 preloading without subdomains": ({"HSTS_PRELOAD": True}, "HSTS_SUBDOMAINS"),
    "latchkey.E010 a site's name of two lines": ({"SITE_NAME": "Acme\nInc."}, "SITE_NAME"),
    "latchkey.E011 a logo that is not there": ({"SITE_LOGO": "no-logo.svg"}, "SITE_LOGO"),
    "latchkey.E011 a logo outside of static/": ({"SITE_LOGO": "../manage.py"}, "SITE_LOGO"),
    "latchkey.W008 pages of another site": (
        {"CORS_ORIGINS": ["https://app.example.net"]},
        "CORS_ORIGINS",
    ),
    "latchkey.W008 pages of another address": (
        {"CORS_ORIGINS": ["https://198.51.2.1"], "PUBLIC_URL": "https://192.0.2.1"},
        "CORS_ORIGINS",
    ),
}


@pytest.mark.parametrize(("changes", "name"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_reported_with_the_variable_to_change(
    public: Settings, request: pytest.FixtureRequest, changes: dict[str, Any], name: str
) -> None:
    assert found() == []
    for setting, value in changes.items():
        setattr(public, setting, value)
    (message,) = found()
    assert message.startswith(request.node.callspec.id.split()[0])
    assert f" {name}" in message


def test_preloading_with_subdomains_passes(public: Settings) -> None:
    public.HSTS_PRELOAD = public.HSTS_SUBDOMAINS = True
    assert found() == []


def test_every_kind_of_host_passes(public: Settings) -> None:
    public.ALLOWED_HOSTS = ["id.example.org", ".Example.org", "192.0.2.1", "[2001:db8::1]", "*"]
    assert found() == []


STRONG = "vGq7XkRp-" * 8
WEAK = {"short": "kW3v", "monotonous": "k" * 60, "an example's": f"django-insecure-{STRONG}"}

#: Mistakes on public sites only.
IN_PUBLIC: dict[str, tuple[str, Any, str]] = {
    **{
        f"latchkey.W005 mail by {backend}": (
            "EMAIL_BACKEND",
            f"django.core.mail.backends.{backend}.EmailBackend",
            "EMAIL_URL",
        )
        for backend in ("console", "filebased", "locmem", "dummy")
    },
    "latchkey.W009 mail in the clear": ("EMAIL_HOST", "smtp.example.org", "EMAIL_URL"),
    "latchkey.E008": ("DEBUG", True, "DEBUG"),
    **{
        f"latchkey.E009 a key that is {reason}": ("SECRET_KEY", key, "SECRET_KEY")
        for reason, key in WEAK.items()
    },
    **{
        f"latchkey.E012 a fallback that is {reason}": (
            "SECRET_KEY_FALLBACKS",
            [STRONG, key],
            "SECRET_KEY_FALLBACKS",
        )
        for reason, key in WEAK.items()
    },
    "latchkey.W006": ("WORKERS", 2, "REDIS_URL"),
    "latchkey.W007": ("TOKENS", {"PROXIES": 0}, "PROXIES"),
    "latchkey.W012": ("METRICS_TOKEN", "x" * 15, "METRICS_TOKEN"),
}


@pytest.mark.parametrize("mistake", IN_PUBLIC)
def test_mistakes_of_public_sites_are_reported_only_there(public: Settings, mistake: str) -> None:
    setting, value, name = IN_PUBLIC[mistake]
    assert found(deploy=True) == []
    changed = {**public.TOKENS, **value} if isinstance(value, dict) else value
    setattr(public, setting, changed)
    assert found() == []
    (message,) = found(deploy=True)
    assert message.startswith(mistake.split(maxsplit=1)[0])
    assert f" {name}" in message


@pytest.mark.parametrize(
    ("host", "switch"),
    [
        *(("localhost", ""), ("127.0.0.1", ""), ("::1", "")),
        *(("smtp.example.org", "EMAIL_USE_TLS"), ("smtp.example.org", "EMAIL_USE_SSL")),
    ],
)
def test_encrypted_or_local_mail_passes(public: Settings, host: str, switch: str) -> None:
    public.EMAIL_HOST = host
    if switch:
        setattr(public, switch, True)
    assert found(deploy=True) == []


def test_several_workers_with_shared_counters_pass(public: Settings) -> None:
    public.WORKERS = 2
    public.TOKENS = {**public.TOKENS, "THROTTLE_STORAGE": "redis://127.0.0.1:6379/0"}
    assert found(deploy=True) == []


@pytest.mark.parametrize("port", ["", ":8443"])
def test_origins_of_the_same_site_pass(public: Settings, port: str) -> None:
    public.CORS_ORIGINS = [f"https://app.example.org{port}", "https://example.org"]
    assert found() == []
