"""The verifier's wheel: it holds what it should, and passes its own tests away from its sources."""

import re
from email.parser import Parser
from pathlib import Path

from tests.clients.conftest import run_module
from tests.support.site import ROOT

TESTS = ROOT / "clients" / "verifier" / "tests"


def test_the_wheel_is_typed_and_needs_two_packages_alone(installed: Path) -> None:
    package = installed / "latchkey_verifier"
    sources = ROOT / "clients" / "verifier" / "src" / "latchkey_verifier"
    assert {path.name for path in package.iterdir() if path.suffix != ".pyc"} - {"__pycache__"} == {
        path.name for path in sources.iterdir() if path.name != "__pycache__"
    }
    assert (package / "py.typed").exists()
    [described] = installed.glob("latchkey_verifier-*.dist-info/METADATA")
    needed = Parser().parsestr(described.read_text()).get_all("Requires-Dist", [])
    assert sorted(re.split(r"[<>=]", need)[0] for need in needed) == ["httpx", "pyjwt[crypto]"]


def test_the_wheel_passes_the_tests_of_the_verifier(installed: Path) -> None:
    options = [
        "-q",
        "-p",
        "no:django",
        "-p",
        "no:cacheprovider",
        "-c",
        str(TESTS.parent / "pyproject.toml"),
    ]
    where = run_module(
        *("pytest", *options, str(TESTS)),
        PYTHONPATH=str(installed),
        PYTHONDONTWRITEBYTECODE="1",
    )
    assert f"latchkey_verifier: {installed}" in where
    assert re.search(r"^\d{3} passed", where, re.MULTILINE), where
