"""The directories that the site writes into, created with access for their owner only."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.core import checks
from django.core.checks import CheckMessage
from django.core.exceptions import ImproperlyConfigured

#: The directories that the settings have created or found, and the names of their settings.
CREATED: dict[Path, str] = {}


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
    CREATED[directory] = setting
    return directory


def check_writable(**kwargs: Any) -> list[CheckMessage]:
    """Return an error for each directory that exists and that the site cannot write into.

    A check and not the settings: a running site serves on if a disk becomes read-only.
    """
    return [
        checks.Error(
            f"The site cannot write into {str(directory)!r}, a directory of {setting}.",
            hint=f"Let the user of the site write there, or set {setting} to another directory.",
            id="latchkey.E013",
        )
        for directory, setting in CREATED.items()
        if not os.access(directory, os.W_OK | os.X_OK)
    ]


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
