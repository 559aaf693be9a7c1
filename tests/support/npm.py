"""Install npm packages that a lock names, and our own package."""

import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.support.site import ROOT

CLIENT = ROOT / "clients" / "browser"


def npm(folder: Path, *words: str) -> str:
    """Run npm in this folder, and return what it printed. Raises CalledProcessError."""
    command = ["npm", *words, "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout


def install(source: Path, folder: Path) -> None:
    """Copy these files to the folder, and install the packages of their lock, or skip the test."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("Node is not installed, so its libraries were not tried")
    shutil.copytree(
        source, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("node_modules")
    )
    try:
        npm(folder, "ci")
    except subprocess.CalledProcessError as error:
        pytest.skip(
            f"npm cannot install the libraries, so they were not tried: {error.stderr[-300:]}"
        )


def install_client(folder: Path) -> Path:
    """Pack @latchkey/client as for a release, install the archive, and return its directory."""
    archive = npm(CLIENT, "pack", "--pack-destination", str(folder)).split()[-1]
    target = folder / "node_modules" / "@latchkey" / "client"
    with tarfile.open(folder / archive) as packed:
        packed.extractall(folder, filter="data")
    target.parent.mkdir(exist_ok=True)
    (folder / "package").rename(target)
    return target
