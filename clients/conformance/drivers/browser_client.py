"""The browser client, `clients/browser/latchkey.js`, in four tabs of one Chromium.

The tokens are in the body of answers (transport "body"), and their store is IndexedDB in a profile
that survives a restart. Needs Playwright and Chromium (CHROMIUM: its path).
"""

import asyncio
import json
import os
import subprocess
import sys
from contextlib import suppress
from itertools import cycle
from pathlib import Path
from typing import Any

from playwright.async_api import (
    Browser,
    BrowserContext,
    Error,
    Page,
    Playwright,
    Route,
    async_playwright,
)

SITE = os.environ["LATCHKEY_SITE"]
PROFILE = Path(os.environ["LATCHKEY_STORE"]) / "profile"
MODULE = Path(__file__).resolve().parents[2] / "browser" / "latchkey.js"
TABS = 4
OPTIONS = [
    "--headless=new",
    "--remote-debugging-port=0",
    f"--user-data-dir={PROFILE}",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-sync",
    "--no-first-run",
    *(["--no-sandbox"] if os.geteuid() == 0 else []),
]
PAGE = Path(__file__).with_name("browser_page.html")
ANSWERS = {
    "/conformance/": ("text/html", PAGE.read_text()),
    "/conformance/latchkey.js": ("text/javascript", MODULE.read_text()),
}


async def serve(route: Route) -> None:
    """Answer for the page itself, which the site under test does not have."""
    media_type, body = ANSWERS[route.request.url.removeprefix(SITE)]
    await route.fulfill(content_type=media_type, body=body)


async def open_tab(context: BrowserContext) -> Page:
    page = await context.new_page()
    await page.goto(f"{SITE}/conformance/")
    await page.wait_for_function("() => Boolean(window.run)")
    return page


async def answer(tab: Page, asked: dict[str, Any]) -> None:
    number = asked.pop("id")
    try:
        told = await tab.evaluate("(asked) => run(asked)", asked)
    except Error as error:
        told = {"ok": False, "error": "failed", "detail": str(error)}
    write({"id": number, **told})


def write(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


async def lines() -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
    return reader


async def debugging_port(file: Path) -> str:
    """Wait until Chromium has written the port that Playwright connects to."""
    while True:
        with suppress(FileNotFoundError, IndexError):
            return file.read_text().splitlines()[0]
        await asyncio.sleep(0.05)


async def connect(playwright: Playwright, port: str) -> Browser:
    """Connect to Chromium. A connection while it starts may never be answered, so try again."""
    for _ in range(10):
        with suppress(Error):
            url = f"http://127.0.0.1:{port}"
            return await playwright.chromium.connect_over_cdp(url, timeout=3000)
    raise RuntimeError("Chromium does not answer.")


async def main() -> None:
    """Run Chromium in this process group, so that one signal ends both."""
    port_file = PROFILE / "DevToolsActivePort"
    port_file.unlink(missing_ok=True)
    executable = os.environ.get("CHROMIUM", "/usr/bin/chromium")
    with (PROFILE.parent / "chromium.log").open("ab") as log:
        chromium = subprocess.Popen([executable, *OPTIONS], stdout=log, stderr=log)  # noqa: S603  (no shell)
    try:
        async with async_playwright() as playwright:
            browser = await connect(playwright, await debugging_port(port_file))
            context = browser.contexts[0]
            await context.route(f"{SITE}/conformance/**", serve)
            tabs = cycle([await open_tab(context) for _ in range(TABS)])
            write(
                {
                    "ready": True,
                    "calls": ["sign_in", "call", "sign_out", "stored"],
                    "store": "persistent",
                }
            )
            reader, running = await lines(), set()
            while line := await reader.readline():
                task = asyncio.create_task(answer(next(tabs), json.loads(line)))
                running.add(task)
                task.add_done_callback(running.discard)
    finally:
        chromium.terminate()


if __name__ == "__main__":
    asyncio.run(main())
