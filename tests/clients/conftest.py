"""What other services use, tried as they use it: the wheel, and processes beside the site's.

Nothing here touches the database of the tests, so the run on SQLite is the only one.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

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
