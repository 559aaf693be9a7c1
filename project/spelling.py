"""Find the setting that a misspelt name means."""

import re
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

from project import env

EXAMPLE = Path(__file__).resolve().parent.parent / ".env.example"
#: How a line of `.env` or, as a comment, of `.env.example` names a setting.
NAME = re.compile(r"^\s*#?(?:export\s+)?([A-Z][A-Z0-9_]*)\s*=", re.MULTILINE)
#: The similarity above which a name is a misspelt setting: EMAIL_URI is, DATABASE_USER is not.
CUTOFF = 0.885


def misspelt(names: Iterable[str]) -> dict[str, str]:
    """Return the names that look like a misspelt setting, each with that setting.

    The settings are those of `.env.example`, and those that project/settings.py has read.
    """
    example = set(NAME.findall(EXAMPLE.read_text()))
    found = {}
    for name in sorted({*names} - example - env.ASKED):
        # In a short name one letter makes another word: GHOST is not a misspelt HOST.
        if len(name) > 5 and (setting := closest(name.upper(), example)):
            found[name] = setting
    return found


def closest(name: str, settings: set[str]) -> str | None:
    """Return the setting that the name resembles most, or None.

    A name also resembles a setting if it only has another plural (PROXYS for PROXIES), or only
    lacks words between the first and the last one (REFRESH_LIFETIME).
    """
    words = singular(name)
    same = [setting for setting in sorted(settings) if is_shortened(words, singular(setting))]
    return next(iter(get_close_matches(name, settings, n=1, cutoff=CUTOFF) or same), None)


def singular(name: str) -> list[str]:
    """Return the words of the name without their plural endings."""
    return [re.sub(r"(IE|Y)S$", "Y", word).removesuffix("S") for word in name.split("_")]


def is_shortened(words: list[str], whole: list[str]) -> bool:
    """Return whether the words are those of the whole name, or the first, the last and some."""
    rest = iter(whole)
    return (words[0], words[-1]) == (whole[0], whole[-1]) and all(word in rest for word in words)
