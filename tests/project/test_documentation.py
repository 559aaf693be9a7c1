"""Every documented setting is read by the code, and documents have the numbers of the code.

The shipped settings are those of the tables in docs/settings.md: a developer adds others.
"""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from project import throttles
from tests.support.admin_lists import ADMINS
from tokens.conf import TokenSettings, conf

ROOT = Path(__file__).resolve().parents[2]
READ = re.compile(r"""(?:env\.\w+|environ\.(?:get|pop))\(\s*["']([A-Z_]+)["']""")


def shipped_settings() -> set[str]:
    """Return the names in the first column of the reference."""
    text = (ROOT / "docs/settings.md").read_text().partition("## The dictionary TOKENS")[0]
    return {*re.findall(r"^\| ([A-Z][A-Z_]+) \|", text, re.MULTILINE)}


def settings_in_code() -> set[str]:
    files = [
        f"project/{name}.py"
        for name in ("settings", "throttles", "serving/serve", "serving/server")
    ]
    files.append("accounts/management/commands/createfirstadmin.py")
    names = {name for file in files for name in READ.findall((ROOT / file).read_text())}
    return names | {f"THROTTLE_{rate.upper()}" for rate in throttles.RATES}


def test_every_setting_is_documented() -> None:
    text = (ROOT / ".env.example").read_text()
    missing = [name for name in shipped_settings() if not re.search(rf"\b{name}\b", text)]
    assert not missing
    assert len(shipped_settings()) > 50


def test_every_documented_setting_is_read() -> None:
    assert shipped_settings() <= settings_in_code()


def test_the_readme_has_the_same_numbers_as_the_code() -> None:
    """The documented numbers are the defaults in .env.example."""
    example = re.findall(r"^#([A-Z_]+)=(\d+)$", (ROOT / ".env.example").read_text(), re.MULTILINE)
    table = re.findall(r"([A-Z_]{4,}) (\d+)(?![\d.])", (ROOT / "README.md").read_text())
    shipped = {name: number for name, number in table if name in shipped_settings()}
    assert shipped == {name: number for name, number in example if name in shipped}
    assert len(shipped) > 6


@pytest.mark.spec("ASVS 5.0", "7.1.1", "7.1.2")
def test_lifetimes_and_the_session_cap_are_documented() -> None:
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


@pytest.mark.parametrize("file", ["CONTRIBUTING.md", "docs/architecture.md", "docs/glossary.md"])
def test_every_file_that_a_guide_names_exists(file: str) -> None:
    named = re.findall(r"`?\b([a-z_]+/[\w/]+\.(?:py|md|txt|toml))\b", (ROOT / file).read_text())
    generated = {"docs/conformance.md"}
    assert [name for name in named if name not in generated and not (ROOT / name).exists()] == []


@pytest.mark.parametrize("label", ADMINS)
def test_the_table_of_permissions_names_every_list(label: str) -> None:
    assert f"\n| view_{label.partition('.')[2]}" in (ROOT / "docs/operating.md").read_text()
