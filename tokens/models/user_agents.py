"""Describe a device in words that people recognise, from its User-Agent header."""

import re

from django.utils.translation import gettext as _

#: The first pattern that matches gives the name. Many browsers also name others in their header,
#: so the more specific one comes first.
BROWSERS = {
    "Edge": r"Edg(?:e|A|iOS)?/",
    "Opera": r"OPR/|Opera",
    "Samsung Internet": r"SamsungBrowser/",
    "Vivaldi": r"Vivaldi/",
    "Firefox": r"Firefox/|FxiOS/",
    "Chromium": r"Chromium/",
    "Chrome": r"(?:Headless)?Chrome/|CriOS/",
    "Safari": r"Version/[\d.]+ (?:Mobile/\w+ )?Safari/",
}
SYSTEMS = {
    "iPhone": r"iPhone",
    "iPad": r"iPad",
    "Android": r"Android",
    "ChromeOS": r"CrOS",
    "Windows": r"Windows",
    "macOS": r"Macintosh",
    "Linux": r"Linux",
}
#: The pattern of each word of a name, for searches.
WORDS = {
    word.casefold(): pattern
    for name, pattern in {**BROWSERS, **SYSTEMS}.items()
    for word in name.split()
}
#: The form of programs' headers: `curl/8.5.0`, `python-requests/2.32`, `okhttp/4.12`.
PROGRAM = re.compile(r"([A-Za-z][\w.-]{1,30})/\d")


def friendly_name(user_agent: str) -> str:
    """Return for example “Firefox on Linux”, “curl” or “Unknown device”. Clients can lie."""
    browser, system = _first(BROWSERS, user_agent), _first(SYSTEMS, user_agent)
    if browser and system:
        return _("%(browser)s on %(system)s") % {"browser": browser, "system": system}
    program = PROGRAM.match(user_agent)
    program_name = program[1] if program and program[1] != "Mozilla" else ""
    return browser or program_name or system or _("Unknown device")


def names_browser(user_agent: str) -> bool:
    """Return whether the header is that of a browser. Clients can lie."""
    return bool(_first(BROWSERS, user_agent))


def _first(patterns: dict[str, str], text: str) -> str:
    return next((name for name, pattern in patterns.items() if re.search(pattern, text)), "")
