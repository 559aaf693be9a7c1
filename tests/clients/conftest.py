"""What other services use, tried as they use it: the wheel, and processes beside the site's.

Nothing here touches the database of the tests, so the run on SQLite is the only one.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.site import ROOT

NODE = Path(__file__).resolve().parent / "node"

if os.environ.get("TEST_ENGINE") == "postgresql":
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where the verifier's wheel is installed: built here, without a network."""
    wheels, target = tmp_path_factory.mktemp("wheels"), tmp_path_factory.mktemp("installed")
    build = ["build", "--no-isolation", "--wheel", "--outdir", str(wheels)]
    run_module(*build, str(ROOT / "clients" / "verifier"))
    [wheel] = wheels.glob("latchkey_verifier-*.whl")
    run_module(
        "pip", "install", "-q", "--no-deps", "--no-index", "--target", str(target), str(wheel)
    )
    return target


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where verify.mjs can be run with jose, as its lock names it."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("Node is not installed, so jose was not tried")
    folder = tmp_path_factory.mktemp("node")
    shutil.copytree(NODE, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("node_modules"))
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"npm cannot install jose, so it was not tried: {done.stderr[-300:]}")
    return folder


def run_module(*words: str, **environment: str) -> str:
    """Run a Python module, which must succeed, and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", *words],
        env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", **environment},
        cwd=ROOT / "clients",
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
