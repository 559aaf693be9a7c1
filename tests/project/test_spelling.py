"""The system checks report misspelt variables, with the setting that each resembles."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from project import env
from tests.project.test_checks import found

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.mark.trap(43)
@pytest.mark.parametrize("line", ["{}=1", "export {}=1", "  {} = 1"])
def test_a_misspelt_line_is_reported_with_a_suggestion(env_file: Path, line: str) -> None:
    env_file.write_text(line.format("REFRESH_GRACE_PERIODE") + "\n")
    (message,) = found()
    assert message.startswith("latchkey.W002 There is no setting REFRESH_GRACE_PERIODE")
    assert message.endswith("Did you mean REFRESH_GRACE_PERIOD?")


def test_variables_of_added_apps_pass(env_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some names resemble no setting, and project/settings.py has read the others."""
    env_file.write_text("SHOP_API_KEY=1\nCOLOUR=blue\nTOKEN_CLIENT_IDS=a,b\n")
    (message,) = found()
    assert message.startswith("latchkey.W002 There is no setting TOKEN_CLIENT_IDS:")
    monkeypatch.setattr(env, "ASKED", {"TOKEN_CLIENT_IDS"})
    assert found() == []


def test_the_settings_record_the_names_that_they_read(run: Run) -> None:
    show = "from project import env, settings; settings.env.text('SHOP_URL', '')"
    shown = run("-c", f"{show}; print(*env.ASKED)")
    assert {"SHOP_URL", "PUBLIC_URL", "DEBUG", "PORT"} <= {*shown.stdout.split()}


@pytest.mark.trap(43)
def test_only_misspelt_variables_are_reported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ACCESS_TOKEN_LIFETIMES", "300")
    monkeypatch.setenv("COLOUR", "blue")
    (message,) = found()
    assert message.startswith("latchkey.W002 There is no setting ACCESS_TOKEN_LIFETIMES")


NEAR_NAMES = {
    **{name: name[:-1] + "L" for name in ("EMAIL_URI", "REDIS_URI", "DATABASE_URI")},
    "WORKER": "WORKERS",
    "THREAD": "THREADS",
    "PROXYS": "PROXIES",
    "ACCESS_LIFETIME": "ACCESS_TOKEN_LIFETIME",
    "HSTS_SUBDOMAIN": "HSTS_SUBDOMAINS",
    "REFRESH_LIFETIME": "REFRESH_TOKEN_ABSOLUTE_LIFETIME",
}


@pytest.mark.parametrize("name", NEAR_NAMES)
def test_a_name_close_to_a_setting_is_matched_to_it(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "x")
    (message,) = found()
    assert message.startswith(f"latchkey.W002 There is no setting {name}:")
    assert message.endswith(f"Did you mean {NEAR_NAMES[name]}?")


@pytest.mark.trap(43)
def test_a_misspelt_variable_of_a_new_process_is_reported(run: Run, env_file: Path) -> None:
    """Loading the environment must not mark its variables as read by the settings."""
    env_file.write_text("REFRESH_LIFETIME=3\n")
    checked = run("manage.py", "check", HSTS_SUBDOMAIN="on", PROXYS="1")
    for name in ("HSTS_SUBDOMAIN", "PROXYS", "REFRESH_LIFETIME"):
        assert f"There is no setting {name}:" in checked.stderr


def test_common_environment_variables_match_no_setting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    usual = """
        COLORTERM DBUS_SESSION_BUS_ADDRESS DISPLAY EDITOR EMAIL GHOST GROUPS HOME HOSTNAME HOSTS
        HOSTTYPE HTTP_PROXY HTTPS_PROXY INVOCATION_ID JOURNAL_STREAM LANG LANGUAGE LC_ALL LISTEN_FDS
        LOGNAME LOG_FILE MAIL NO_PROXY OLDPWD PATH PORTS PORT_ PS1 PWD SHELL SHLVL SSH_AUTH_SOCK
        SSH_CONNECTION SSL_CERT_FILE TERM TMPDIR TZ USER VIRTUAL_ENV XDG_RUNTIME_DIR
        ADMIN_EMAIL ADMIN_PASS ADMIN_USER DATABASE DATABASE_HOST DATABASE_NAME DATABASE_PASSWORD
        DATABASE_PORT DATABASE_USER DB_URL EMAIL_HOST EMAIL_HOST_PASSWORD EMAIL_HOST_USER EMAIL_PORT
        EMAIL_USER EMAIL_USE_TLS LATCHKEY_PORT PGHOST PGPORT POSTGRES_PORT POSTGRES_URL REDIS_HOST
        REDIS_PASSWORD REDIS_PORT REDIS_PORT_6379_TCP REDIS_USER SECRET SENTRY_DSN STATIC_URL
        GUNICORN_WORKERS WEB_CONCURRENCY PYTHONPATH PYTHONUNBUFFERED TOKEN TOKEN_URL
        ACCESS_TOKEN REFRESH_TOKEN SESSION_MANAGER ALL_PROXY PROXY SECRET_TOKEN LOG_DIR
    """
    for name in usual.split():
        monkeypatch.setenv(name, "x")
    assert found() == []
