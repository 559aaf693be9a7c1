"""Take the screenshots of the README: `python -m tests.browser.screenshots`."""

import json
import tempfile
from pathlib import Path
from urllib.request import Request, urlopen

from playwright.sync_api import Page

from tests.support.chromium import chromium
from tests.support.site import PASSWORD, ROOT, SERVE, Site, latchkey

IMAGES = ROOT / "docs" / "images"
LARGEST = 100_000  # bytes
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15"
    " (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1"
)
DEVICES = {"Alice’s phone": "okhttp/4.12.0", "": IPHONE}
ELSEWHERE = """
from tokens.models import DeviceSession
DeviceSession.objects.filter(device="").update(ip_address="198.51.100.7")
DeviceSession.objects.exclude(device="").update(ip_address="2001:db8::42")
"""


def main() -> None:
    """Start the site with sample data, and save screenshots of sign-in and devices."""
    IMAGES.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as directory,
        latchkey(Path(directory), ROOT, SERVE) as site,
    ):
        site.add_people("alice")
        for label, user_agent in DEVICES.items():
            sign_in_device(site, label, user_agent)
        site.run(ELSEWHERE)
        with chromium() as browser:
            page = browser.new_page(viewport={"width": 720, "height": 560})
            page.goto(f"{site.url}/accounts/login/?next=/accounts/devices/")
            photograph(page, "sign-in")
            page.get_by_label("User name or e-mail address").fill("alice")
            page.get_by_label("Password", exact=True).fill(PASSWORD)
            page.get_by_role("main").get_by_role("button", name="Sign in").click()
            page.get_by_role("heading", name="Your devices").wait_for()
            photograph(page, "devices")


def sign_in_device(site: Site, label: str, user_agent: str) -> None:
    body = json.dumps({"username": "alice", "password": PASSWORD, "device": label}).encode()
    headers = {"Content-Type": "application/json", "User-Agent": user_agent}
    urlopen(Request(f"{site.url}/api/auth/login/", body, headers)).close()  # noqa: S310  (of this site)


def photograph(page: Page, name: str) -> None:
    file = IMAGES / f"{name}.png"
    page.screenshot(path=file, full_page=True)
    size = file.stat().st_size
    print(f"{file.relative_to(ROOT)}: {size} bytes")
    assert size < LARGEST


if __name__ == "__main__":
    main()
