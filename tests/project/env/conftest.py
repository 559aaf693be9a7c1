"""A copy of the settings, which a program loads in another environment."""

import shutil
from functools import partial
from pathlib import Path

import pytest

from tests.project.env.reading import Run
from tests.project.preloaded import Preloaded
from tests.support.site import ROOT


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return the directory of a copy of the settings, without an `.env`."""
    shutil.copytree(ROOT / "project", tmp_path / "latchkey/project")
    return tmp_path / "latchkey"


@pytest.fixture
def run(interpreter: Preloaded, checkout: Path) -> Run:
    """Return a function that runs a Python program there, in a changed environment."""
    return partial(interpreter.run, checkout, LATCHKEY_ENV_FILE="")
