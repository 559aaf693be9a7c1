"""The Python client, `latchkey-client`, with a store in a file and the adapter for httpx."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import httpx
from latchkey_client import Client, FileStore, Refused, SignedOut, Unavailable
from protocol import SITE, STORE, CallError, serve

PATH = Path(STORE) / "session.json"
client = Client(SITE, store=FileStore(PATH))
http = httpx.Client(base_url=SITE, auth=client, timeout=60)


def reported(call: Callable[..., dict[str, Any] | None]) -> Callable[..., dict[str, Any] | None]:
    """Report the client's errors with the words of the protocol."""

    @wraps(call)
    def report(**arguments: Any) -> dict[str, Any] | None:
        try:
            return call(**arguments)
        except SignedOut as error:
            raise CallError("signed_out", error) from error
        except Unavailable as error:
            raise CallError("unavailable", error) from error
        except Refused as error:
            raise CallError("refused", error) from error

    return report


@reported
def sign_in(username: str, password: str) -> None:
    client.sign_in(username, password, device="conformance")


@reported
def call(method: str, path: str, body: str | None) -> dict[str, Any]:
    return {"status": http.request(method, path, content=body).status_code}


@reported
def access_token() -> dict[str, Any]:
    return {"access": client.access_token()}


@reported
def refresh() -> None:
    client.refresh()


@reported
def sign_out() -> None:
    client.sign_out()


def stored() -> dict[str, Any]:
    files = [path.read_text() for path in sorted(Path(STORE).iterdir()) if path.is_file()]
    return {"text": "\n".join(files)}


CALLS = (sign_in, call, access_token, refresh, sign_out, stored)
serve({call.__name__: call for call in CALLS}, store="shared")
