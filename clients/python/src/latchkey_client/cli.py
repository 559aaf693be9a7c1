"""The command `latchkey`: sign in once, and use the session from scripts, cron and shells."""

import argparse
import getpass
import os
import socket
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import httpx

from latchkey_client.client import Client
from latchkey_client.errors import ClientError, SignedOut, StoreError, Unavailable
from latchkey_client.filestore import FileStore
from latchkey_client.state import State
from latchkey_client.stores import Store

SIGNED_OUT = 1  # also: the site refuses the request
DEFAULT_STORE = "~/.local/state/latchkey/session.json"
PATIENCE = 30.0  # seconds in which a request is sent again
UNAVAILABLE = 75  # EX_TEMPFAIL of sysexits.h: try again later


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command, and return its exit status."""
    options = parser().parse_args(arguments)
    try:
        return int(options.run(options) or 0)
    except Unavailable as error:
        return fail(error, UNAVAILABLE)
    except SignedOut as error:
        return fail(f"{error} Run: latchkey login", SIGNED_OUT)
    except (ClientError, ValueError, ImportError) as error:
        return fail(error, SIGNED_OUT)
    except httpx.HTTPError as error:
        return fail(f"The site did not answer: {error}", UNAVAILABLE)
    except KeyboardInterrupt:
        return 130


def parser() -> argparse.ArgumentParser:
    command = argparse.ArgumentParser(
        "latchkey", description="Sign in to a Latchkey site, and print access tokens."
    )
    command.add_argument(
        "--store",
        default=os.environ.get("LATCHKEY_STORE") or DEFAULT_STORE,
        metavar="PATH",
        help="the file of the session, or the word keyring (LATCHKEY_STORE; now %(default)s)",
    )
    commands = command.add_subparsers(metavar="COMMAND", required=True)
    for run, explanation in (
        (login, "sign in with a password, which is asked for or read from standard input"),
        (token, "print a valid access token"),
        (whoami, "print the account"),
        (sessions, "list the devices that are signed in"),
        (logout, "end the session"),
    ):
        sub = commands.add_parser(run.__name__, help=explanation, description=explanation + ".")
        sub.set_defaults(run=run)
        if run is login:
            add_login_options(sub)
    return command


def add_login_options(sub: argparse.ArgumentParser) -> None:
    site = os.environ.get("LATCHKEY_SITE")
    sub.add_argument("--site", default=site, required=not site, help="the site (LATCHKEY_SITE)")
    sub.add_argument("--username", help="the user name or e-mail address; asked for if missing")
    sub.add_argument(
        "--device", default=socket.gethostname(), help="a name for the list of devices"
    )
    sub.add_argument("--scope", default="", help="the scopes, separated by spaces")
    sub.add_argument("--audience", default="", help="the service that the tokens are for")


def login(options: argparse.Namespace) -> None:
    client = Client(options.site, store=open_store(options.store))
    username = options.username or ask("User name: ")
    password = getpass.getpass() if sys.stdin.isatty() else read_line()
    client.sign_in(
        username, password, device=options.device, scope=options.scope, audience=options.audience
    )
    say(f"Signed in to {client.site} as {username}.")


def token(options: argparse.Namespace) -> None:
    say(stored_client(options).access_token())


def whoami(options: argparse.Namespace) -> int:
    account = get(stored_client(options), "/api/account/me/")
    names = ("username", "email", "roles", "id")
    for name in names:
        value = account.get(name, "")
        say(f"{name}: {', '.join(value) if isinstance(value, list) else value}".rstrip())
    return 0


def sessions(options: argparse.Namespace) -> None:
    for session in get(stored_client(options), "/api/auth/sessions/"):
        marker = "*" if session["current"] else " "
        names = ("last_used_on", "kind", "ip_address", "device", "id")
        say("  ".join([marker, *(printable(session.get(name)) for name in names)]))


def logout(options: argparse.Namespace) -> None:
    try:
        client = stored_client(options)
    except SignedOut:
        say("There is no session.")
        return
    try:
        client.sign_out()
    except StoreError:
        raise
    except Unavailable as error:
        raise Unavailable(
            f"{error} You are signed out on this computer only: end the session in the list of"
            " devices, too."
        ) from error
    else:
        say("Signed out.")


def stored_client(options: argparse.Namespace) -> Client:
    """Return a client for the site of the stored session. Raises SignedOut or StoreError."""
    store = open_store(options.store)
    text = store.read()
    if text is None:
        raise SignedOut
    try:
        site = State.parse(text).site
    except ValueError as error:
        raise StoreError(f"{store} is damaged. Move it away and sign in again.") from error
    return Client(site, store=store, patience=PATIENCE)


def open_store(name: str) -> Store:
    if name == "keyring":
        store: Store = import_module("latchkey_client.keyringstore").KeyringStore()
        return store
    return FileStore(name)


def get(client: Client, path: str) -> Any:
    """Return the JSON document at the path. Raises ClientError or httpx.HTTPError."""
    with httpx.Client(base_url=client.site, auth=client, timeout=30) as http:
        answer = http.get(path)
    if answer.status_code == 429 or answer.status_code >= 500:
        raise Unavailable(f"The site answered {answer.status_code}.")
    if answer.status_code != 200:
        raise ClientError(f"The site refuses {path}: {answer.status_code}.")
    return answer.json()


def printable(value: object) -> str:
    """Return the text without control characters, which a device name could contain."""
    return "".join(letter if letter.isprintable() else " " for letter in str(value or "-"))


def ask(question: str) -> str:
    """Ask on standard error, because standard output may go into a file."""
    if sys.stdin.isatty():
        sys.stderr.write(question)
        sys.stderr.flush()
    return read_line()


def read_line() -> str:
    line = sys.stdin.readline()
    if not line:
        raise ClientError("Standard input has ended.")
    return line.rstrip("\n")


def say(text: str) -> None:
    sys.stdout.write(text + "\n")


def fail(error: object, status: int) -> int:
    sys.stderr.write(f"latchkey: {error}\n")
    return status
