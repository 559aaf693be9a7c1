"""Static files: collected under names that have their content's hash, and compressed."""

from typing import Any

from whitenoise.storage import CompressedManifestStaticFilesStorage


class StaticFiles(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # no annotations there
    """WhiteNoise's; where nothing was collected, as in tests, files have their own names."""

    def stored_name(self, name: str) -> Any:
        return super().stored_name(name) if self.hashed_files else name
