"""Whatever a deployment may set is documented, and nothing else is."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
READ = re.compile(
    r"""(?:env\.\w+|duration|number|choice|environ\.(?:get|pop))\(\s*["']([A-Z_]+)["']"""
)


def settings_in_code() -> set[str]:
    files = [f"project/{name}.py" for name in ("settings", "serve", "server")]
    files.append("accounts/management/commands/createfirstadmin.py")
    names = {name for file in files for name in READ.findall((ROOT / file).read_text())}
    rates = re.findall(r'"(\w+)": "\d+ per', (ROOT / "project/settings.py").read_text())
    return names | {f"THROTTLE_{rate.upper()}" for rate in rates}


@pytest.mark.parametrize("file", ["docs/settings.md", ".env.example"])
def test_every_setting_is_documented(file: str) -> None:
    text = (ROOT / file).read_text()
    missing = [name for name in settings_in_code() if not re.search(rf"\b{name}\b", text)]
    assert not missing


def test_the_example_names_no_setting_that_is_none() -> None:
    named = re.findall(r"^#([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    assert set(named) == settings_in_code()
    assert len(named) == len(set(named))
