"""What people recognise a device by: the User-Agent header in plain words."""

import re

#: What is told by the first of these words that is there. Many browsers claim to be others, too:
#: the more special one comes first.
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
    "macOS": r"Macintosh|Mac OS X",
    "Linux": r"Linux|X11",
}
#: How programs name themselves: `curl/8.5.0`, `python-requests/2.32`, `okhttp/4.12`.
PROGRAM = re.compile(r"([A-Za-z][\w.-]{1,30})/\d")


def friendly_name(user_agent: str) -> str:
    """Return for example “Firefox on Linux”, “curl”, or “Unknown device”; it is nobody's proof."""
    browser, system = _first(BROWSERS, user_agent), _first(SYSTEMS, user_agent)
    if browser and system:
        return f"{browser} on {system}"
    program = PROGRAM.match(user_agent)
    named = program[1] if program and program[1] != "Mozilla" else ""
    return browser or named or system or "Unknown device"


def _first(patterns: dict[str, str], text: str) -> str:
    return next((name for name, pattern in patterns.items() if re.search(pattern, text)), "")
