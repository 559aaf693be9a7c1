"""The site with somebody who has a role, and the example service on the installed verifier."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.servers import Server, free_port, serve
from tests.support.site import ROOT, Site, latchkey

SHIPPING = """
from django.contrib.auth.models import Group
from accounts.models import User
User.objects.get(username="alice").groups.add(Group.objects.create(name="shipping"))
"""
MINT = """
from accounts.models import User
from tokens.sessions.lifecycle import Device, open_session
print(open_session(User.objects.get(username="alice"), Device(label="phone")).access)
"""


@contextmanager
def issuer(directory: Path, **settings: str) -> Iterator[Site]:
    """Serve the site with alice, who has the role `shipping`, and bob, who has none."""
    with latchkey(directory, **settings) as site:
        site.add_people("alice", "bob")
        site.run(SHIPPING)
        yield site


def token_of_alice(site: Site, **changes: str) -> str:
    """Return an access token that the site's own code makes, set differently."""
    return site.run(MINT, **changes)


@contextmanager
def orders(state: Path, installed: Path, issuer: str, **changes: str) -> Iterator[Server]:
    """Serve the example on the installed verifier until the block ends."""
    port = free_port()
    environment = {
        **{name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"},
        "PYTHONPATH": str(installed),
        "ISSUER": issuer,
        **changes,
    }
    options = ["--interface=asgi", "--factory", "--host=127.0.0.1", f"--port={port}"]
    command = [sys.executable, "-m", "granian", *options, "orders:from_environment"]
    log, home = state / f"orders-{port}.log", ROOT / "clients" / "examples" / "orders"
    with serve(command, f"http://127.0.0.1:{port}", environment, log=log, cwd=home) as server:
        yield server
