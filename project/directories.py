"""The directories that the site writes into, created with access for their owner only."""

from collections.abc import Iterable
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured


def create(directory: Path, *, setting: str) -> Path:
    """Create the directory unless it exists, and return it.

    Raise ImproperlyConfigured, with the name of the setting, if the system refuses it.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ImproperlyConfigured(
            f"The directory {str(directory)!r} of {setting} cannot be created: {error.strerror}."
        ) from error
    return directory


def static_root(given: str, *, private: Iterable[Path]) -> Path:
    """Return the directory of static files, which WhiteNoise serves to everyone.

    Raise ImproperlyConfigured if it contains one of the private paths.
    """
    directory = Path(given).resolve()
    for path in private:
        if path.resolve().is_relative_to(directory):
            raise ImproperlyConfigured(
                f"STATIC_ROOT cannot be {str(directory)!r}: with it {path} would be public."
            )
    return create(directory, setting="STATIC_ROOT")
