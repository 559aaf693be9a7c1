"""Run the examples of deploy/ with the real programs, where these are installed."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.site import ROOT

DEPLOY = ROOT / "deploy"


def program(name: str) -> str:
    """Return the path of this program, or skip the test. Debian installs some into /usr/sbin."""
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def run(*command: str, cwd: Path = DEPLOY) -> subprocess.CompletedProcess[str]:
    """Run the program, and return its result with the two outputs in one."""
    return subprocess.run(
        [program(command[0]), *command[1:]],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
