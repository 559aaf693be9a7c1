"""The client's side of the protocol of README.md, for clients in Python."""

import json
import os
import sys
from collections.abc import Callable, Mapping
from threading import Lock, Thread
from typing import Any

SITE = os.environ["LATCHKEY_SITE"]
STORE = os.environ["LATCHKEY_STORE"]

_output = Lock()


class CallError(Exception):
    """The call failed. `name` is signed_out, unavailable, refused or failed."""

    def __init__(self, name: str, detail: object) -> None:
        super().__init__(str(detail))
        self.name = name


def serve(calls: Mapping[str, Callable[..., dict[str, Any] | None]], *, store: str) -> None:
    """Answer the calls of standard input, each in its own thread, until the input ends.

    A call returns the fields of its answer, or raises CallError.
    """
    write({"ready": True, "calls": [*calls], "store": store})
    for line in sys.stdin:
        arguments = json.loads(line)
        number, call = arguments.pop("id"), arguments.pop("call")
        Thread(target=answer, args=(number, calls[call], arguments), daemon=True).start()


def answer(
    number: int, call: Callable[..., dict[str, Any] | None], arguments: dict[str, Any]
) -> None:
    try:
        write({"id": number, "ok": True, **(call(**arguments) or {})})
    except CallError as error:
        write({"id": number, "ok": False, "error": error.name, "detail": str(error)})
    except Exception as error:
        write({"id": number, "ok": False, "error": "failed", "detail": repr(error)})


def write(message: dict[str, Any]) -> None:
    with _output:
        sys.stdout.write(json.dumps(message) + "\n")
        sys.stdout.flush()
