"""Test the packages and libraries that other services use, in their own processes."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.wheels import build_wheel, run_module

NODE = Path(__file__).resolve().parent / "node"


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build and install the verifier's wheel, and return its directory."""
    return install_wheel(tmp_path_factory, "verifier")


def install_wheel(tmp_path_factory: pytest.TempPathFactory, package: str) -> Path:
    """Build and install the wheel of clients/<package> without a network or its dependencies.

    Return the directory, for PYTHONPATH.
    """
    target = tmp_path_factory.mktemp("installed")
    wheel = build_wheel(package, tmp_path_factory.mktemp("wheels"))
    run_module(
        "pip", "install", "-q", "--no-deps", "--no-index", "--target", str(target), str(wheel)
    )
    return target


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory of the Node scripts, with the packages that their lock names."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("Node is not installed, so its libraries were not tried")
    folder = tmp_path_factory.mktemp("node")
    shutil.copytree(NODE, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("node_modules"))
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(
            f"npm cannot install the libraries, so they were not tried: {done.stderr[-300:]}"
        )
    return folder


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build and install the program's wheel, and return its directory."""
    return install_wheel(tmp_path_factory, "conformance")


@pytest.fixture(scope="session")
def python_client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build and install the Python client's wheel, and return its directory."""
    return install_wheel(tmp_path_factory, "python")
