"""The directory of the counters is removed, even if the supervisor was killed."""

import os
import signal
import tempfile
from pathlib import Path

import pytest

from project.metrics.directory import metrics_directory, remove_abandoned
from tests.support.site import latchkey

NOBODY = 65534


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the directory of temporary files, which is empty."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    return tmp_path / "temporary"


def abandon(directory: Path) -> Path:
    """Make a directory like that of a killed supervisor."""
    directory.mkdir()
    (directory / "lock").touch()
    (directory / "counter_1.db").touch()
    return directory


def test_the_directory_is_removed_at_the_end(temporary: Path) -> None:
    with metrics_directory() as name:
        assert [str(path) for path in temporary.iterdir()] == [name]
    assert [*temporary.iterdir()] == []


def test_an_abandoned_directory_is_removed_and_a_used_one_stays(temporary: Path) -> None:
    with metrics_directory() as first:
        abandon(temporary / "latchkey-metrics-abandoned")
        with metrics_directory() as second:
            assert {str(path) for path in temporary.iterdir()} == {first, second}


def test_a_directory_that_was_just_created_stays(temporary: Path) -> None:
    """Its supervisor has not locked it yet."""
    directory = abandon(temporary / "latchkey-metrics-new")
    (directory / "lock").unlink()
    remove_abandoned()
    assert directory.exists()


def test_other_files_and_directories_stay(temporary: Path, tmp_path: Path) -> None:
    abandon(tmp_path / "elsewhere")
    (temporary / "latchkey-metrics-link").symlink_to(tmp_path / "elsewhere")
    (temporary / "latchkey-metrics-file").touch()
    abandon(temporary / "other")
    remove_abandoned()
    assert len([*temporary.iterdir()]) == 3
    assert len([*(tmp_path / "elsewhere").iterdir()]) == 2


@pytest.mark.skipif("os.geteuid() != 0", reason="only root gives files away")
def test_the_directory_of_another_user_stays(temporary: Path) -> None:
    directory = abandon(temporary / "latchkey-metrics-other")
    os.chown(directory, NOBODY, NOBODY)
    remove_abandoned()
    assert directory.exists()


@pytest.mark.once
@pytest.mark.slow
def test_the_directory_of_a_killed_supervisor_is_removed(tmp_path: Path, temporary: Path) -> None:
    with latchkey(tmp_path, TMPDIR=str(temporary)) as site:
        (directory,) = temporary.glob("latchkey-metrics-*")
        with metrics_directory():
            assert directory.exists()
        os.kill(site.process.pid, signal.SIGKILL)
        site.process.wait()
        with metrics_directory():
            assert not directory.exists()
