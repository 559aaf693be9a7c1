"""Chromium, without a window, as Debian installs it."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

#: What Chromium would do over the network for its own sake.
QUIET = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


def executable() -> str:
    """Return the path of Chromium: CHROMIUM, or where Debian puts it."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
    if not os.access(path, os.X_OK):
        raise FileNotFoundError(
            f"There is no Chromium at {path}. Install the Debian package chromium, or set CHROMIUM"
            " to the path of one."
        )
    return path


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run Chromium; its sandbox is off only for root, for whom there is none."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=executable(), chromium_sandbox=os.geteuid() != 0, args=[*QUIET]
        )
        yield browser
        browser.close()
