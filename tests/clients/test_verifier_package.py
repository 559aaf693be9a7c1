"""The verifier's wheel is complete, and passes its tests outside of its source directory."""

import os
import re
import subprocess
import sys
from email.parser import Parser
from pathlib import Path

from tests.support.site import ROOT
from tests.support.wheels import run_module

TESTS = ROOT / "clients" / "verifier" / "tests"


EXTRAS = {"fastapi": "fastapi", "djangorestframework": "djangorestframework"}
#: Import every module that needs no extra, in a process where no framework can be imported.
IMPORT_THE_CORE = """
import importlib, pkgutil, sys
for name in ("django", "fastapi", "pydantic", "pytest", "rest_framework", "starlette"):
    sys.modules[name] = None
import latchkey_verifier
names = [module.name for module in pkgutil.iter_modules(latchkey_verifier.__path__)]
for name in sorted({*names} - {"drf", "fastapi"}):
    importlib.import_module(f"latchkey_verifier.{name}")
print(len(names), importlib.import_module("latchkey_verifier.testing").LocalIssuer.__name__)
"""


def test_the_wheel_is_typed_and_needs_two_packages(installed: Path) -> None:
    package = installed / "latchkey_verifier"
    sources = ROOT / "clients" / "verifier" / "src" / "latchkey_verifier"
    assert modules(package) == modules(sources)
    assert (package / "py.typed").exists()
    [described] = installed.glob("latchkey_verifier-*.dist-info/METADATA")
    needed = Parser().parsestr(described.read_text()).get_all("Requires-Dist", [])
    required = [need for need in needed if "extra ==" not in need]
    assert sorted(re.split(r"[<>=]", need)[0] for need in required) == ["httpx", "pyjwt[crypto]"]
    optional = {need for need in needed if "extra ==" in need}
    assert {
        need.partition("extra == ")[2].strip("'\""): re.split(r"[<>=]", need)[0]
        for need in optional
    } == EXTRAS


def test_the_core_imports_no_framework(installed: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_THE_CORE],
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"1\d LocalIssuer\n", done.stdout)


def modules(package: Path) -> set[str]:
    """Return the paths of the files of a package, without compiled ones."""
    files = {str(path.relative_to(package)) for path in package.rglob("*") if path.is_file()}
    return {path for path in files if not path.endswith(".pyc")}


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
