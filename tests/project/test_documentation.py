"""Whatever a deployment may set is documented, and nothing else is."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from tokens.conf import TokenSettings, conf

ROOT = Path(__file__).resolve().parents[2]
READ = re.compile(
    r"""(?:env\.\w+|duration|number|choice|switch|environ\.(?:get|pop))\(\s*["']([A-Z_]+)["']"""
)


def settings_in_code() -> set[str]:
    files = [f"project/{name}.py" for name in ("settings", "serve", "server")]
    files.append("accounts/management/commands/createfirstadmin.py")
    names = {name for file in files for name in READ.findall((ROOT / file).read_text())}
    rates = re.findall(r'"(\w+)": "\d+ per', (ROOT / "project/settings.py").read_text())
    return names | {f"THROTTLE_{rate.upper()}" for rate in rates}


@pytest.mark.parametrize("file", ["README.md", "docs/settings.md", ".env.example"])
def test_every_setting_is_documented(file: str) -> None:
    text = (ROOT / file).read_text()
    missing = [name for name in settings_in_code() if not re.search(rf"\b{name}\b", text)]
    assert not missing


def test_the_readme_has_the_numbers_of_the_code() -> None:
    """As .env.example has them, which the code is started with where nothing else is said."""
    example = re.findall(r"^#([A-Z_]+)=(\d+)$", (ROOT / ".env.example").read_text(), re.MULTILINE)
    table = dict(re.findall(r"([A-Z_]{4,}) (\d+)(?![\d.])", (ROOT / "README.md").read_text()))
    assert table == {name: number for name, number in example if name in table}
    assert len(table) > 15


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) < 150


@pytest.mark.spec("ASVS 5.0", "7.1.1", "7.1.2")
def test_lifetimes_and_the_cap_of_sessions_are_documented_as_they_are() -> None:
    text = " ".join((ROOT / "docs/browsers.md").read_text().split())
    have = TokenSettings()
    hours = have.BROWSER_LIFETIME // timedelta(hours=1)
    assert f"BROWSER_LIFETIME ({hours} hours), used or not" in text
    idle, absolute = conf().idle_lifetime.days, have.ABSOLUTE_LIFETIME.days
    assert f"{idle} days from the last day of use, {absolute} days at most" in text
    assert f"SESSIONS_PER_USER ({have.SESSIONS_PER_USER}) sessions at most" in text


def test_the_example_names_no_setting_that_is_none() -> None:
    named = re.findall(r"^#([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    assert set(named) == settings_in_code()
    assert len(named) == len(set(named))
