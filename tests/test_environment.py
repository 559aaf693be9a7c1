"""What a developer's own environment and `.env` say decides nothing in the tests."""

import shutil
from pathlib import Path

import pytest

from tests.project.conftest import run_in
from tests.site import ROOT

pytestmark = pytest.mark.slow

SHOW = """
import tests.environment
from project import settings
print(settings.TOKENS["CLIENT_ID"], settings.PUBLIC_URL)
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return where a copy of what reads the environment is, with no `.env` beside it."""
    for file in ("tests/__init__.py", "tests/environment.py", ".env.example"):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / file, tmp_path / file)
    shutil.copytree(ROOT / "project", tmp_path / "project")
    return tmp_path


def test_what_the_environment_sets_reaches_no_test(checkout: Path) -> None:
    own = {"TOKEN_CLIENT_ID": "mine", "PUBLIC_URL": "https://mine.example"}
    shown = run_in(checkout, "-c", SHOW, **own)
    assert shown.stdout.strip() == "latchkey http://localhost:8000", shown.stderr


def test_what_an_env_file_sets_reaches_no_test_or_stops_them_all(checkout: Path) -> None:
    file = checkout / ".env"
    file.write_text("# TOKEN_CLIENT_ID=mine\nSECRET_KEY=mine\nPUBLIC_URL=https://mine.example\n")
    shown = run_in(checkout, "-c", SHOW)
    assert shown.stdout.strip() == "latchkey http://localhost:8000", shown.stderr
    file.write_text("TOKEN_CLIENT_ID=mine\nPORT=8100\n")
    stopped = run_in(checkout, "-c", SHOW)
    assert stopped.returncode == 1
    assert stopped.stderr == ".env sets PORT, TOKEN_CLIENT_ID: move it away while the tests run.\n"
