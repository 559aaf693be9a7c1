"""Devices have names that people recognise."""

import time

import pytest

from tokens.models.user_agents import friendly_name

WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
MAC = "(Macintosh; Intel Mac OS X 10_15_7)"
WINDOWS = "(Windows NT 10.0; Win64; x64)"
NAMES = {
    "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0": "Firefox on Linux",
    f"Mozilla/5.0 {WINDOWS} {WEBKIT} Chrome/142.0.0.0 Safari/537.36": "Chrome on Windows",
    f"Mozilla/5.0 {WINDOWS} {WEBKIT} Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0": (
        "Edge on Windows"
    ),
    f"Mozilla/5.0 {WINDOWS} {WEBKIT} Chrome/142.0.0.0 Safari/537.36 OPR/126.0.0.0": (
        "Opera on Windows"
    ),
    f"Mozilla/5.0 {MAC} AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15": (
        "Safari on macOS"
    ),
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like"
    " Gecko) Version/18.5 Mobile/15E148 Safari/604.1": "Safari on iPhone",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like"
    " Gecko) CriOS/142.0.0.0 Mobile/15E148 Safari/604.1": "Chrome on iPhone",
    "Mozilla/5.0 (iPad; CPU OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
    " FxiOS/144.0 Mobile/15E148 Safari/605.1.15": "Firefox on iPad",
    f"Mozilla/5.0 (Linux; Android 10; K) {WEBKIT} Chrome/142.0.0.0 Mobile Safari/537.36": (
        "Chrome on Android"
    ),
    f"Mozilla/5.0 (Linux; Android 10; K) {WEBKIT} SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile"
    " Safari/537.36": "Samsung Internet on Android",
    f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {WEBKIT} Chrome/142.0.0.0 Safari/537.36": (
        "Chrome on ChromeOS"
    ),
    f"Mozilla/5.0 (X11; Linux x86_64) {WEBKIT} HeadlessChrome/142.0.0.0 Safari/537.36": (
        "Chrome on Linux"
    ),
    f"Mozilla/5.0 (X11; Linux x86_64) {WEBKIT} Chrome/142.0.0.0 Safari/537.36 Vivaldi/7.6": (
        "Vivaldi on Linux"
    ),
    f"Mozilla/5.0 (X11; Linux x86_64) {WEBKIT} Chromium/142.0.0.0 Chrome/142.0.0.0 Safari/537.36": (
        "Chromium on Linux"
    ),
    "Opera/9.80 (X11; FreeBSD) Presto/2.12.388 Version/12.16": "Opera",
    "Mozilla/5.0 (Haiku; rv:144.0) Gecko/20100101 Firefox/144.0": "Firefox",
    "curl/8.5.0": "curl",
    "python-requests/2.32.5": "python-requests",
    "okhttp/4.12.0": "okhttp",
    "Bank/7 CFNetwork/3826 Darwin/24.5.0": "Bank",
    "Mozilla/5.0": "Unknown device",
    "Mozilla/5.0 (Windows NT 10.0)": "Windows",
    "<script>alert(1)</script>/1": "Unknown device",
    "": "Unknown device",
}


@pytest.mark.parametrize(("user_agent", "name"), NAMES.items(), ids=NAMES.values())
def test_a_device_is_named(user_agent: str, name: str) -> None:
    assert friendly_name(user_agent) == name


@pytest.mark.parametrize("user_agent", ["Version/1" * 30, "Version/" + "1." * 120, "a" * 255])
def test_every_user_agent_is_parsed_quickly(user_agent: str) -> None:
    started = time.perf_counter()
    friendly_name(user_agent)
    assert time.perf_counter() - started < 0.1
