"""What is unsafe in public or misspelt in the environment is named, with a hint."""

import re
import shutil
from pathlib import Path

import pytest
from django.core.checks import run_checks
from pytest_django import Settings


def found(*, deploy: bool = False) -> list[str]:
    messages = run_checks(include_deployment_checks=deploy)
    ours = [message for message in messages if str(message.id).startswith("latchkey.")]
    assert all(message.hint for message in ours)
    return [f"{message.id} {message.msg} {message.hint}" for message in ours]


@pytest.fixture
def env_file(settings: Settings, tmp_path: Path) -> Path:
    """Return where the site looks for `.env`."""
    shutil.copy(settings.BASE_DIR / ".env.example", tmp_path)
    settings.BASE_DIR = tmp_path
    return tmp_path / ".env"


def test_the_settings_as_shipped_are_in_order(env_file: Path) -> None:
    shutil.copy(env_file.with_name(".env.example"), env_file)
    assert found() == []


@pytest.mark.parametrize("host", ["id.example.org", "192.0.2.1"])
def test_http_off_this_machine_is_warned_of(settings: Settings, host: str) -> None:
    settings.HOSTNAME = host
    (message,) = found()
    assert message.startswith("latchkey.W001")


def test_sqlite_is_for_no_public_site(settings: Settings) -> None:
    settings.DATABASES["default"] = {**settings.DATABASES["default"]}
    engine = settings.DATABASES["default"]["ENGINE"]
    try:
        settings.DATABASES["default"]["ENGINE"] = "django.db.backends.sqlite3"
        assert found() == []
        (message,) = found(deploy=True)
        assert message.startswith("latchkey.W003")
        settings.DATABASES["default"]["ENGINE"] = "django.db.backends.postgresql"
        assert found(deploy=True) == []
    finally:
        settings.DATABASES["default"]["ENGINE"] = engine


def test_any_host_is_for_no_public_site(settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    assert any(message.startswith("latchkey.W004") for message in found(deploy=True))


@pytest.mark.trap(43)
@pytest.mark.parametrize("line", ["{}=1", "export {}=1", "  {} = 1"])
def test_a_misspelt_line_of_the_file_is_named_with_what_was_meant(
    env_file: Path, line: str
) -> None:
    env_file.write_text(line.format("REFRESH_GRACE_PERIODE") + "\n")
    (message,) = found()
    assert message.startswith("latchkey.W002 There is no setting REFRESH_GRACE_PERIODE")
    assert message.endswith("Did you mean REFRESH_GRACE_PERIOD?")


def test_a_line_of_the_file_that_nobody_reads_is_named(env_file: Path) -> None:
    env_file.write_text("# COLOUR=no\nCOLOUR=blue\n")
    assert [message.split(":")[0] for message in found()] == [
        "latchkey.W002 There is no setting COLOUR"
    ]


@pytest.mark.trap(43)
def test_a_misspelt_variable_is_named_and_a_foreign_one_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ACCESS_TOKEN_LIFETIMES", "300")
    monkeypatch.setenv("COLOUR", "blue")
    (message,) = found()
    assert message.startswith("latchkey.W002 There is no setting ACCESS_TOKEN_LIFETIMES")


def test_every_setting_that_is_read_is_in_the_example(settings: Settings) -> None:
    """Guards the check of names: what it does not know it would call misspelt."""
    sources = [settings.BASE_DIR / "project" / name for name in ("settings.py", "serve.py")]
    text = "".join(source.read_text() for source in sources)
    read = set(re.findall(r'(?:env\.\w+|duration|choice|environ\.get)\(\s*"([A-Z_]+)"', text))
    example = (settings.BASE_DIR / ".env.example").read_text()
    assert {name for name in read if f"#{name}=" not in example} == {
        "DJANGO_SETTINGS_MODULE"
    } & read
