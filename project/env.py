"""Read the environment, completed by `.env`. An empty variable counts as not set."""

import json
import os
import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from io import StringIO
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured

#: Names that the settings have read: the shipped names and those that a developer added.
ASKED: set[str] = set()
#: The words that turn a setting on or off, in any case.
SWITCH = {
    **dict.fromkeys(("1", "true", "yes", "on"), True),
    **dict.fromkeys(("0", "false", "no", "off"), False),
}
#: A line that sets a variable, as django-environ reads it.
LINE = re.compile(r"(export )?[A-Za-z_0-9]+=[^\0]*")
ORIGIN = re.compile(r"https?://(?:[a-z0-9.-]+|\[[0-9a-f:]+\])(?::(\d{1,5}))?")


class Given(dict[str, str]):
    """The variables that are set. A lookup adds the name to `ASKED`."""

    def __getitem__(self, name: str) -> str:
        ASKED.add(name)
        return super().__getitem__(name)


def file() -> Path:
    """Return the path of the file: LATCHKEY_ENV_FILE, or `.env` in the directory of manage.py.

    Raise ImproperlyConfigured if the file LATCHKEY_ENV_FILE does not exist: the site would start
    with the defaults, as a new site with an empty database.
    """
    given = os.environ.get("LATCHKEY_ENV_FILE", "").strip()
    with suppress(OSError):  # `content` reports it.
        if given and not Path(given).exists():
            raise ImproperlyConfigured(
                f"There is no file {given!r}, which LATCHKEY_ENV_FILE names."
            )
    return Path(given) if given else Path(__file__).resolve().parent.parent / ".env"


def read(file: Path) -> Given:
    """Add the variables of the file to the environment; return all that are set and not empty.

    A variable that is set to the empty string does not hide a line of the file: docker compose
    passes such variables. Raise ImproperlyConfigured if a line is not empty, not a comment, and
    does not set a variable. The error does not repeat the line, which may contain a secret.
    """
    own = _not_empty()
    lines = content(file).splitlines()
    for number, line in enumerate(lines, start=1):
        if line.strip() and not line.lstrip().startswith("#") and not LINE.fullmatch(line):
            raise ImproperlyConfigured(f"Line {number} of {file} is not NAME=value.")
    variables = "\n".join(filter(LINE.fullmatch, lines))  # django-environ logs others.
    environ.Env.read_env(StringIO(variables), overwrite=True)
    os.environ.update(own.items())  # A lookup of each name would add it to ASKED.
    return _not_empty()


def content(file: Path) -> str:
    """Return the text of the file without a byte order mark, or "" if it does not exist.

    Raise ImproperlyConfigured if it cannot be read.
    """
    try:
        return file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError:
        raise ImproperlyConfigured(f"{file} is not in UTF-8: save it in this encoding.") from None
    except OSError as error:
        raise ImproperlyConfigured(
            f"{file} cannot be read ({error.strerror}): let the user of the site read it, or set"
            " LATCHKEY_ENV_FILE to another file."
        ) from error


def _not_empty() -> Given:
    return Given({name: value for name, value in os.environ.items() if value.strip()})


def is_origin(url: str) -> bool:
    """Return whether the URL consists of a scheme, a host and perhaps a port, and nothing else."""
    origin = ORIGIN.fullmatch(url)
    return origin is not None and int(origin[1] or 0) <= 65535


class Environment:
    """Read variables by type. A value that cannot be read raises ImproperlyConfigured."""

    def __init__(self, given: Given) -> None:
        self._env = environ.Env()
        self._env.ENVIRON = given

    def text(self, name: str, default: str | None = None) -> str:
        """Return the text. A name without a default must be set."""
        given: str = self._env.str(name, **({} if default is None else {"default": default}))
        return given

    def texts(self, name: str, default: Sequence[str] = ()) -> list[str]:
        """Return the texts between the commas."""
        given: list[str] = self._env.list(name, default=[*default])
        return given

    def mapping(self, name: str) -> dict[str, str]:
        """Return the texts of a JSON object by their names; not set means none."""
        given = self.text(name, "{}")
        try:
            texts = json.loads(given)
        except ValueError:
            texts = None
        if not isinstance(texts, dict) or not all(isinstance(one, str) for one in texts.values()):
            raise ImproperlyConfigured(f"{name} is a JSON object of texts, not {given!r}.")
        return texts

    def number(
        self,
        name: str,
        default: int,
        *,
        unit: str = "whole number",
        least: int = 0,
        most: int = 9_999_999_999,
    ) -> int:
        """Return the whole number, which must be from `least` to `most`."""
        given = self.text(name, str(default))
        if not re.fullmatch(r"[0-9]{1,10}", given) or not least <= int(given) <= most:
            raise ImproperlyConfigured(f"{name} is a {unit} from {least} to {most}, not {given!r}.")
        return int(given)

    def duration(self, name: str, default: timedelta) -> timedelta:
        """Return the duration, which is given in seconds."""
        seconds = self.number(name, int(default.total_seconds()), unit="whole number of seconds")
        return timedelta(seconds=seconds)

    def choice(self, name: str, choices: Sequence[str], default: str) -> str:
        """Return one of the choices, which may be given in any case."""
        given = self.text(name, default)
        for option in choices:
            if option.lower() == given.lower():
                return option
        raise ImproperlyConfigured(f"{name} is one of {', '.join(choices)}, not {given!r}.")

    def switch(self, name: str, *, default: bool) -> bool:
        """Return whether a word of `SWITCH`, in any case, turns this on."""
        given = self.text(name, str(default))
        if given.strip().lower() not in SWITCH:
            raise ImproperlyConfigured(
                f"{name} is on (1, true, yes, on) or off (0, false, no, off), not {given!r}."
            )
        return SWITCH[given.strip().lower()]

    def origin(self, name: str, default: str) -> str:
        """Return the origin: a URL without a path."""
        url = self.text(name, default)
        if not is_origin(url):
            raise ImproperlyConfigured(
                f"{name} must be an origin such as https://id.example.org, without a path or a"
                f" slash at the end, not {url!r}."
            )
        return url
