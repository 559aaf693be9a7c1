"""The site as `make serve` runs it, with a port, a database and a mailbox of its own."""

import email
import os
import secrets
import signal
import subprocess
import sys
import time
from contextlib import suppress
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.request import urlopen

from tests.servers import free_port

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "seven wet otters"
PATIENCE = 30  # seconds
#: What `manage.py shell` runs to make people: each has the password and an address like the name.
PEOPLE = """
from django.contrib.auth.hashers import make_password
from accounts.models import User
hashed = make_password({password!r})
for name in {names!r}:
    User.objects.create(username=name, email=f"{{name}}@example.org", password=hashed)
"""


class Site:
    """A running site: `with Site(directory, PROXIES="1") as site`."""

    def __init__(self, directory: Path, **settings: str) -> None:
        self.log = directory / "log"
        self.mail = directory / "mail"
        port = free_port()
        self.url = f"http://localhost:{port}"
        self.environment = {
            **os.environ,
            "SECRET_KEY": secrets.token_urlsafe(48),
            "PUBLIC_URL": self.url,
            "HOST": "127.0.0.1",
            "PORT": str(port),
            "DATABASE_URL": f"sqlite:///{directory / 'latchkey.sqlite3'}",
            "EMAIL_URL": f"filemail:///{self.mail}",
            "STATIC_ROOT": str(directory / "static"),
            "ADMIN_PASSWORD": PASSWORD,
            "THROTTLES": "off",
            "LOG_FORMAT": "json",
            **settings,
        }

    def __enter__(self) -> Self:
        with self.log.open("wb") as log:
            self.server = subprocess.Popen(
                [sys.executable, "-m", "project.serve"],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        patience = time.monotonic() + PATIENCE
        while not self.is_ready():
            if self.server.poll() is not None or time.monotonic() > patience:
                self.server.kill()
                raise AssertionError(f"The site did not start:\n{self.log.read_text()}")
            time.sleep(0.1)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.server.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self.server.wait(PATIENCE)
        self.server.kill()

    def is_ready(self) -> bool:
        try:
            with urlopen(f"{self.url}/readyz", timeout=5) as answer:  # noqa: S310  (of this site)
                return int(answer.status) == 200
        except OSError:
            return False

    def run(self, code: str) -> str:
        """Run this in the site's own `manage.py shell`, and return what it prints."""
        command = [sys.executable, "manage.py", "shell", "--verbosity=0", "-c", code]
        done = subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def add_people(self, *names: str) -> None:
        self.run(PEOPLE.format(names=names, password=PASSWORD))

    def mail_to(self, address: str) -> EmailMessage:
        """Return the newest mail to this address, as soon as the worker has sent one."""
        patience = time.monotonic() + PATIENCE
        while time.monotonic() < patience:
            sent = sorted(self.mail.glob("*.log"), key=lambda file: file.stat().st_mtime)
            for file in reversed(sent):
                text, end, _ = file.read_text().partition(f"\n{'-' * 79}\n")
                message = email.message_from_string(text, policy=default)
                if end and message["To"] == address:
                    return message
            time.sleep(0.1)
        raise AssertionError(f"No mail came to {address}.")
