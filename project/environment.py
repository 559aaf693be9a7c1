"""The environment and, where it says nothing, `.env`. An empty variable says nothing."""

import os
from pathlib import Path

import environ


def read(file: Path) -> dict[str, str]:
    """Bring what the file sets into the environment; return all that is set and not empty.

    What is set to the empty string, as compose does where nobody gave a value, hides no line of
    the file.
    """
    own = _said()
    if file.exists():  # Otherwise it would be logged that it does not.
        environ.Env.read_env(file, overwrite=True)
    os.environ.update(own)
    return _said()


def _said() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if value.strip()}
