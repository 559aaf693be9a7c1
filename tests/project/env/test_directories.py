"""The start and the checks find a directory that the site cannot write into."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.project.env.reading import Run

NOBODY = 65534  # a user without rights

#: What a process runs that root starts: it gives up root's rights, which no modes of files limit.
FIND = f"""
import os
from project import settings
from project.directories import check_writable
if os.geteuid() == 0:
    os.setgid({NOBODY})
    os.setuid({NOBODY})
for message in check_writable():
    print(message.id, message.msg, message.hint)
"""


@pytest.fixture
def state() -> Iterator[Path]:
    """Return a STATE_DIR with its directories, which belongs to a user without rights."""
    state = Path(tempfile.mkdtemp(prefix="latchkey-state-"))
    for directory in (state, state / "sessions", state / "static"):
        directory.mkdir(exist_ok=True)
        if os.geteuid() == 0:
            os.chown(directory, NOBODY, NOBODY)
    yield state
    for directory in (state, *state.iterdir()):
        directory.chmod(0o700)
    shutil.rmtree(state)


@pytest.mark.parametrize(
    ("name", "setting"),
    [("", "STATE_DIR"), ("sessions", "STATE_DIR"), ("static", "STATIC_ROOT")],
    ids=["STATE_DIR", "sessions", "static"],
)
@pytest.mark.parametrize("mode", [0o700, 0o500, 0o600], ids=oct)
def test_a_directory_that_cannot_be_written_is_an_error(
    run: Run, state: Path, name: str, setting: str, mode: int
) -> None:
    """With SESSION_STORE=file the site would start and be ready, and each sign-in would fail."""
    (state / name).chmod(mode)
    shown = run(
        FIND,
        STATE_DIR=str(state),
        STATIC_ROOT=str(state / "static"),
        DATABASE_URL="",
        SESSION_STORE="file",
    )
    assert shown.returncode == 0, shown.stderr
    error = (
        f"latchkey.E013 The site cannot write into {str(state / name)!r}, a directory of {setting}."
        f" Let the user of the site write there, or set {setting} to another directory."
    )
    assert (error in shown.stdout) is (mode != 0o700)
    assert bool(shown.stdout) is (mode != 0o700)
