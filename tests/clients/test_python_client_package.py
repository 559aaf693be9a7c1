"""The wheel of the Python client is complete, and passes its tests on each version of Python."""

import re
import subprocess
import sys
from email.parser import Parser
from pathlib import Path

import pytest

from tests.support.python_client import EXTRAS, SOURCE, find_python
from tests.support.site import ROOT
from tests.support.wheels import build_wheel, run

VERSIONS = ["3.11", "3.12", "3.13"]
TOOLS = ["pytest", "pytest-timeout", "time-machine"]
OPTIONS = ["-q", "-p", "no:cacheprovider", "-c", str(SOURCE / "pyproject.toml")]
LOCKED = re.compile(r"^([a-z0-9._-]+==[^ ]+)(?: ; [^\\]+)? \\$", re.MULTILINE)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel("python", tmp_path_factory.mktemp("wheels"))


def install(wheel: Path, version: str, directory: Path) -> Path:
    """Install the wheel and the libraries of the lock, and return the path of the Python."""
    python = find_python(version)
    if python is None:
        pytest.skip(f"Python {version} is not installed")
    run([python, "-m", "venv", str(directory / "venv")])
    constraints = directory / "constraints.txt"
    locked = LOCKED.findall((ROOT / "requirements-dev.txt").read_text())
    constraints.write_text("\n".join(locked))
    assert len(locked) > 100
    installed = directory / "venv" / "bin" / "python"
    command = ["-m", "pip", "install", "-q", "-c", str(constraints), f"{wheel}[{EXTRAS}]", *TOOLS]
    done = subprocess.run(
        [str(installed), *command], capture_output=True, text=True, timeout=280, check=False
    )
    if done.returncode:
        pytest.skip(f"pip cannot install the libraries: {done.stderr[-300:]}")
    return installed


@pytest.mark.timeout(600)
@pytest.mark.parametrize("version", VERSIONS)
def test_the_wheel_passes_the_tests_of_the_client(
    version: str, wheel: Path, tmp_path: Path
) -> None:
    python = install(wheel, version, tmp_path)
    printed = run([str(python), "-m", "pytest", *OPTIONS, str(SOURCE / "tests")])
    assert f"latchkey_client: {tmp_path / 'venv'}" in printed
    assert re.search(r"^[23]\d{2} passed", printed, re.MULTILINE), printed
    assert run([str(python.with_name("latchkey")), "--help"]).startswith("usage: latchkey")


def test_the_wheel_is_typed_and_needs_two_packages(wheel: Path, tmp_path: Path) -> None:
    run([sys.executable, "-m", "zipfile", "-e", str(wheel), str(tmp_path)])
    package, sources = tmp_path / "latchkey_client", SOURCE / "src" / "latchkey_client"
    assert {path.name for path in package.iterdir()} == {
        path.name for path in sources.iterdir() if path.name != "__pycache__"
    }
    assert (package / "py.typed").exists()
    [described] = tmp_path.glob("latchkey_client-*.dist-info/METADATA")
    metadata = Parser().parsestr(described.read_text())
    needed = [need for need in metadata.get_all("Requires-Dist", []) if "extra" not in need]
    assert sorted(re.split(r"[<>=]", need)[0] for need in needed) == ["filelock", "httpx"]
    assert sorted(metadata.get_all("Provides-Extra", [])) == sorted(EXTRAS.split(","))
    assert metadata["License-Expression"] == "MIT"
