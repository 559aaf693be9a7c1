"""make installs packages only when the content of a lock has changed, and says so."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.site import ROOT

PIP = '#!/bin/sh\necho "$@" >> calls\ntest ! -e broken\n'


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a directory with the Makefile, two locks, and a pip that notes its calls."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    pip = tmp_path / ".venv/bin/pip"
    pip.parent.mkdir(parents=True)
    pip.write_text(PIP)
    pip.chmod(0o755)
    (tmp_path / "requirements.txt").write_text("django==1\n")
    (tmp_path / "requirements-dev.txt").write_text("pytest==1\n")
    return tmp_path


def make(checkout: Path, target: str = "packages") -> tuple[int, str, int]:
    """Return the status and the output of make, and how many times pip ran."""
    (checkout / "calls").write_text("")
    # `make test` tells the make of the tests that it is not the outermost one.
    passed = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    done = subprocess.run(
        ["make", target],
        cwd=checkout,
        env=passed,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, len((checkout / "calls").read_text().splitlines())


def test_packages_are_installed_once(checkout: Path) -> None:
    said = "Installing the packages of requirements.txt\n"
    assert make(checkout) == (0, said, 1)
    assert make(checkout) == (0, "", 0)


def test_a_new_file_time_installs_nothing(checkout: Path) -> None:
    make(checkout)
    os.utime(checkout / "requirements.txt", (2e9, 2e9))
    os.utime(checkout / ".venv/bin/pip", (2e9, 2e9))
    assert make(checkout) == (0, "", 0)


def test_a_changed_lock_is_installed_whatever_its_time(checkout: Path) -> None:
    make(checkout)
    (checkout / "requirements.txt").write_text("django==2\n")
    os.utime(checkout / "requirements.txt", (1e9, 1e9))
    assert make(checkout)[2] == 1
    assert make(checkout)[2] == 0


def test_a_failed_installation_is_repeated(checkout: Path) -> None:
    (checkout / "broken").touch()
    for _ in range(2):
        status, _, calls = make(checkout)
        assert (status, calls) == (2, 1)
    (checkout / "broken").unlink()
    assert make(checkout)[::2] == (0, 1)


def test_the_packages_for_development_have_a_lock_of_their_own(checkout: Path) -> None:
    assert make(checkout, "install")[::2] == (0, 2)
    assert make(checkout, "install") == (0, "", 0)
    (checkout / "requirements-dev.txt").write_text("pytest==2\n")
    said = "Installing the packages of requirements-dev.txt\n"
    assert make(checkout, "install") == (0, said, 1)
