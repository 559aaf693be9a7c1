"""A developer's environment variables and `.env` file do not influence the tests."""

import shutil
from pathlib import Path

import pytest

from tests.project.conftest import run_in
from tests.support.site import ROOT

pytestmark = pytest.mark.slow

SHOW = """
import tests.environment
from project import settings
print(settings.TOKENS["CLIENT_ID"], settings.PUBLIC_URL)
"""

START = f"""
import subprocess, sys
import tests.environment
program = [sys.executable, "-c", {SHOW.replace("import tests.environment", "")!r}]
print(subprocess.run(program, capture_output=True, text=True, check=True).stdout)
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a copy of the modules that read the environment, without a `.env` file."""
    for file in ("tests/__init__.py", "tests/environment.py", ".env.example"):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / file, tmp_path / file)
    shutil.copytree(ROOT / "project", tmp_path / "project")
    return tmp_path


def test_environment_variables_do_not_reach_the_tests(checkout: Path) -> None:
    own = {"TOKEN_CLIENT_ID": "mine", "PUBLIC_URL": "https://mine.example"}
    shown = run_in(checkout, "-c", SHOW, **own)
    assert shown.stdout.strip() == "latchkey http://localhost:8000", shown.stderr


@pytest.mark.parametrize(
    "given", ["", "{checkout}/.env"], ids=["default path", "LATCHKEY_ENV_FILE"]
)
def test_an_env_file_does_not_reach_the_tests(checkout: Path, given: str) -> None:
    file = checkout / ".env"
    file.write_text("TOKEN_CLIENT_ID=mine\nSECRET_KEY=mine\nPUBLIC_URL=https://mine.example\n")
    own = {"LATCHKEY_ENV_FILE": given.format(checkout=checkout)}
    shown = run_in(checkout, "-c", SHOW, **own)
    assert shown.stdout.strip() == "latchkey http://localhost:8000", shown.stderr


def test_an_env_file_does_not_reach_started_programs(checkout: Path) -> None:
    (checkout / ".env").write_text("TOKEN_CLIENT_ID=mine\nPORT=nonsense\n")
    shown = run_in(checkout, "-c", START, LATCHKEY_ENV_FILE="")
    assert shown.stdout.strip() == "latchkey http://localhost:8000", shown.stderr


def test_misspelt_variables_do_not_reach_the_tests(checkout: Path) -> None:
    own = {"ACCESS_TOKEN_LIFETIMES": "1", "SHOP_API_KEY": "kept"}
    show = "import tests.environment, os; print({*os.environ} & {'SHOP_API_KEY', *%r})" % [*own]
    shown = run_in(checkout, "-c", show, **own)
    assert shown.stdout.strip() == "{'SHOP_API_KEY'}", shown.stderr
