"""Run Debian's Chromium without a window."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

#: These options stop requests that Chromium would send on its own.
QUIET = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


def executable() -> str:
    """Return the path of Chromium: CHROMIUM, or the path of the Debian package."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
    if not os.access(path, os.X_OK):
        raise FileNotFoundError(
            f"There is no Chromium at {path}. Install the Debian package chromium, or set CHROMIUM"
            " to the path of one."
        )
    return path


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run Chromium. Its sandbox is off for root only, because it does not work for root."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=executable(), chromium_sandbox=os.geteuid() != 0, args=[*QUIET]
        )
        yield browser
        browser.close()
