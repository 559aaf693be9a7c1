"""Run the site like `make serve`, with a separate port, database and mailbox."""

import email
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import httpx

from tests.support.servers import STARTS_WITHIN, Server, free_port, serve

ROOT = Path(__file__).resolve().parents[2]
SERVE = [sys.executable, "-m", "project.serving.serve"]
#: The same without collecting the static files, which takes most of the start's time.
SERVE_UNCOLLECTED = [
    sys.executable,
    "-c",
    "from project.serving import serve; serve.UNUSED.append('*'); serve.main()",
]
#: The same with the static files that an earlier start has collected in STATIC_ROOT.
SERVE_COLLECTED = [
    sys.executable,
    "-c",
    "from project.serving import serve; run = serve.call_command; serve.call_command ="
    " lambda name, **options: None if name == 'collectstatic' else run(name, **options);"
    " serve.main()",
]
PASSWORD = "seven wet otters"
#: Code for `manage.py shell` that creates users with this password and <name>@example.org.
PEOPLE = """
from django.contrib.auth.hashers import make_password
from accounts.models import User
hashed = make_password({password!r})
for name in {names!r}:
    User.objects.create(username=name, email=f"{{name}}@example.org", password=hashed)
"""

#: Code for it that prints the scopes that views require, as TOKEN_SCOPES has them.
REQUIRED = """
import json
from django.urls import get_resolver
from tokens.http.permissions import REQUIRED_SCOPES
get_resolver().url_patterns
print(json.dumps(dict.fromkeys(REQUIRED_SCOPES, "A scope of a developer.")))
"""


@dataclass
class Site(Server):
    """A running site."""

    mail: Path

    def run(self, code: str, **changes: str) -> str:
        """Run the code in the site's `manage.py shell` and return its output."""
        command = [sys.executable, "manage.py", "shell", "--verbosity=0", "-c", code]
        environment = {**self.environment, **changes}
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def add_people(self, *names: str) -> None:
        self.run(PEOPLE.format(names=names, password=PASSWORD))

    def login(self, username: str, device: str = "", **more: str) -> dict[str, Any]:
        """Sign in and return the pair. `more` are `scope` and `audience`."""
        body = {"username": username, "password": PASSWORD, "device": device, **more}
        answer = httpx.post(f"{self.url}/api/auth/login/", json=body, timeout=30)
        assert answer.status_code == 200, answer.text
        pair: dict[str, Any] = answer.json()
        return pair

    def logout(self, pair: dict[str, Any]) -> None:
        body = {"refresh": pair["refresh"]}
        answer = httpx.post(f"{self.url}/api/auth/logout/", json=body, timeout=30)
        assert answer.status_code == 204, answer.text

    def mail_to(self, address: str) -> EmailMessage:
        """Wait for a mail to this e-mail address, and return the newest one."""
        deadline = time.monotonic() + STARTS_WITHIN
        while time.monotonic() < deadline:
            sent = sorted(self.mail.glob("*.log"), key=lambda file: file.stat().st_mtime)
            for file in reversed(sent):
                text, end, _ = file.read_text().partition(f"\n{'-' * 79}\n")
                message = email.message_from_string(text, policy=default)
                if end and message["To"] == address:
                    return message
            time.sleep(0.1)
        raise AssertionError(f"No mail came to {address}.")


def scopes_of_views() -> str:
    """Return TOKEN_SCOPES for a public site with the views of a developer, in another process.

    In this process, tests have required other scopes.
    """
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "--verbosity=0", "-c", REQUIRED],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@contextmanager
def latchkey(
    directory: Path,
    checkout: Path = ROOT,
    command: list[str] = SERVE_UNCOLLECTED,
    /,
    **settings: str,
) -> Iterator[Site]:
    """Serve the site of this checkout, with SQLite in that directory, until the block ends.

    Only the commands SERVE and SERVE_COLLECTED serve static files compressed and with hashed names.
    """
    port, mail = free_port(), directory / "mail"
    url = f"http://localhost:{port}"
    environment = {
        **os.environ,
        "SECRET_KEY": secrets.token_urlsafe(48),
        "PUBLIC_URL": url,
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "WORKERS": "1",
        "SNAPSHOT_INTERVAL": "1",
        "DATABASE_URL": f"sqlite:///{directory / 'latchkey.sqlite3'}",
        "EMAIL_URL": f"filemail:///{mail}",
        "STATIC_ROOT": str(directory / "static"),
        "ADMIN_PASSWORD": PASSWORD,
        "THROTTLES": "off",
        "LOG_FORMAT": "json",
        **settings,
    }
    with serve(command, url, environment, log=directory / "log", cwd=checkout) as server:
        yield Site(**vars(server), mail=mail)
