"""Every shipped setting is in each document of settings, and every documented one is read.

The shipped settings are those of the table in docs/settings.md: a developer adds others.
"""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from tokens.conf import TokenSettings, conf

ROOT = Path(__file__).resolve().parents[2]
READ = re.compile(
    r"""(?:env\.\w+|duration|number|choice|switch|environ\.(?:get|pop))\(\s*["']([A-Z_]+)["']"""
)


def shipped_settings() -> set[str]:
    """Return the names in the first column of the reference."""
    lines = (ROOT / "docs/settings.md").read_text().splitlines()
    columns = [line.split("|")[1] for line in lines if line.startswith("| ")]
    return {name for column in columns for name in re.findall(r"\b[A-Z][A-Z_]+\b", column)}


def settings_in_code() -> set[str]:
    files = [f"project/{name}.py" for name in ("settings", "serving/serve", "serving/server")]
    files.append("accounts/management/commands/createfirstadmin.py")
    names = {name for file in files for name in READ.findall((ROOT / file).read_text())}
    rates = re.findall(r'"(\w+)": "\d+ per', (ROOT / "project/settings.py").read_text())
    return names | {f"THROTTLE_{rate.upper()}" for rate in rates}


@pytest.mark.parametrize("file", ["README.md", ".env.example"])
def test_every_setting_is_documented(file: str) -> None:
    text = (ROOT / file).read_text()
    missing = [name for name in shipped_settings() if not re.search(rf"\b{name}\b", text)]
    assert not missing
    assert len(shipped_settings()) > 50


def test_every_documented_setting_is_read() -> None:
    assert shipped_settings() <= settings_in_code()


def test_the_readme_has_the_numbers_of_the_code() -> None:
    """As .env.example has them, which the code is started with where nothing else is said."""
    example = re.findall(r"^#([A-Z_]+)=(\d+)$", (ROOT / ".env.example").read_text(), re.MULTILINE)
    table = re.findall(r"([A-Z_]{4,}) (\d+)(?![\d.])", (ROOT / "README.md").read_text())
    shipped = {name: number for name, number in table if name in shipped_settings()}
    assert shipped == {name: number for name, number in example if name in shipped}
    assert len(shipped) > 15


@pytest.mark.spec("ASVS 5.0", "7.1.1", "7.1.2")
def test_lifetimes_and_the_cap_of_sessions_are_documented_as_they_are() -> None:
    text = " ".join((ROOT / "docs/browsers.md").read_text().split())
    have = TokenSettings()
    hours = have.BROWSER_LIFETIME // timedelta(hours=1)
    assert f"BROWSER_LIFETIME ({hours} hours), used or not" in text
    idle, absolute = conf().idle_lifetime.days, have.ABSOLUTE_LIFETIME.days
    assert f"{idle} days from the last day of use, {absolute} days at most" in text
    assert f"SESSIONS_PER_USER ({have.SESSIONS_PER_USER}) sessions at most" in text


def test_the_example_names_every_setting_once() -> None:
    named = re.findall(r"^#([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    assert {*named} >= shipped_settings()
    assert len(named) == len({*named})
