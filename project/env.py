"""The environment and, where it says nothing, `.env`. An empty variable says nothing."""

import os
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured

#: Names that the settings have asked for: the shipped ones and those that a developer added.
ASKED: set[str] = set()


class Given(dict[str, str]):
    """The variables that are set; it notes in `ASKED` which names the code reads."""

    def __getitem__(self, name: str) -> str:
        ASKED.add(name)
        return super().__getitem__(name)


def file() -> Path:
    """Return the path of the file: LATCHKEY_ENV_FILE, or `.env` in the directory of manage.py.

    Raise ImproperlyConfigured if there is no file LATCHKEY_ENV_FILE: the site would start with the
    defaults, as a new site with an empty database.
    """
    given = os.environ.get("LATCHKEY_ENV_FILE", "").strip()
    if given and not Path(given).exists():
        raise ImproperlyConfigured(f"There is no file {given!r}, which LATCHKEY_ENV_FILE names.")
    return Path(given) if given else Path(__file__).resolve().parent.parent / ".env"


def read(file: Path) -> Given:
    """Bring what the file sets into the environment; return all that is set and not empty.

    What is set to the empty string, as compose does where nobody gave a value, hides no line of
    the file.
    """
    own = _said()
    if file.exists():  # Otherwise it would be logged that it does not.
        environ.Env.read_env(file, overwrite=True)
    os.environ.update(own.items())  # A lookup of each name would note it in ASKED.
    return _said()


def _said() -> Given:
    return Given({name: value for name, value in os.environ.items() if value.strip()})
