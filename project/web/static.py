"""Static files, which are collected under hashed names and compressed."""

from typing import Any

from whitenoise.storage import CompressedManifestStaticFilesStorage


class StaticFiles(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # no annotations there
    """WhiteNoise's. Without collected files, as in tests, the names have no hash."""

    def stored_name(self, name: str) -> Any:
        return super().stored_name(name) if self.hashed_files else name
