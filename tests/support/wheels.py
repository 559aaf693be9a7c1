"""Build the wheels of clients/, and run programs that use them."""

import os
import subprocess
import sys
from pathlib import Path

from tests.support.site import ROOT


def build_wheel(package: str, directory: Path) -> Path:
    """Build the wheel of clients/<package> without a network, and return its path."""
    options = ("--no-isolation", "--wheel", "--outdir", str(directory))
    run_module("build", *options, str(ROOT / "clients" / package))
    [wheel] = directory.glob("latchkey_*.whl")
    return wheel


def run_module(*words: str, **environment: str) -> str:
    """Run a Python module, which must succeed, and return what it printed."""
    return run([sys.executable, "-m", *words], timeout=240, **environment)


def run(command: list[str], *, timeout: int = 580, **environment: str) -> str:
    """Run a program, which must succeed within `timeout` seconds; return what it printed."""
    done = subprocess.run(
        command,
        cwd=ROOT / "clients",
        env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", **environment},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
