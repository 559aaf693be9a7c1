"""Run the site with users, a role and services, and the examples with the installed verifier."""

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

SERVICE = """
from datetime import timedelta
from tokens.models import ServiceAccount
from tokens.service_accounts.accounts import create_secret
account = ServiceAccount.objects.create(name={name!r}, scope={scope!r}, audience={audience!r})
print(account.pk, create_secret(account, lifetime=timedelta(days=1))[1])
"""


@contextmanager
def issuer(directory: Path, **settings: str) -> Iterator[Site]:
    """Serve the site with alice, in the role `shipping`, and bob, without a role."""
    with latchkey(directory, **settings) as site:
        site.add_people("alice", "bob")
        site.run(SHIPPING)
        yield site


def token_of_alice(site: Site, **changes: str) -> str:
    """Return an access token that the site's code issues with these changed settings."""
    return site.run(MINT, **changes)


def create_service(
    site: Site, name: str, *, scope: str = "", audience: str = ""
) -> tuple[str, str]:
    """Return the client id and the secret of a new service account of the site."""
    client_id, secret = site.run(SERVICE.format(name=name, scope=scope, audience=audience)).split()
    return client_id, secret


@contextmanager
def orders(state: Path, installed: Path, issuer: str, **changes: str) -> Iterator[Server]:
    """Serve the example `orders` until the block ends."""
    with example("orders", state, installed, ISSUER=issuer, **changes) as server:
        yield server


@contextmanager
def example(name: str, state: Path, installed: Path, **settings: str) -> Iterator[Server]:
    """Serve this example with the installed verifier until the block ends."""
    port = free_port()
    environment = {
        **{name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"},
        "PYTHONPATH": str(installed),
        **settings,
    }
    options = ["--interface=asgi", "--factory", "--host=127.0.0.1", f"--port={port}"]
    command = [sys.executable, "-m", "granian", *options, f"{name}:from_environment"]
    log, home = state / f"{name}-{port}.log", ROOT / "clients" / "examples" / name
    with serve(command, f"http://127.0.0.1:{port}", environment, log=log, cwd=home) as server:
        yield server
