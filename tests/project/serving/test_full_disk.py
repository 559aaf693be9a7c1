"""A start without space on the disk names the file or directory, and leaves files as they are."""

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from pytest_django import Settings

from project.serving.serve import collect_static_files, keep_secret_key
from tests.support.disk import full_disk


def test_a_key_that_cannot_be_stored_has_to_be_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SECRET_KEY", raising=False)
    monkeypatch.delenv("SECRET_KEY_FALLBACKS", raising=False)
    file = tmp_path / ".env"
    file.write_text("SECRET_KEY=\n")
    with full_disk(), pytest.raises(ImproperlyConfigured) as refused:
        keep_secret_key(file)
    reason = f"Set SECRET_KEY: the start cannot write one into {file} (File too large)."
    assert str(refused.value) == reason
    assert file.read_text() == "SECRET_KEY=\n"
    assert [*tmp_path.iterdir()] == [file]


def test_the_directory_of_static_files_is_named(settings: Settings, tmp_path: Path) -> None:
    settings.STATIC_ROOT = str(tmp_path)
    reason = f"The static files cannot be written into {tmp_path}, the directory of STATIC_ROOT: F"
    with full_disk(), pytest.raises(ImproperlyConfigured, match=reason):
        collect_static_files()
