"""A WSGI application that does nothing but answer: how fast the clients could go."""

import json
from collections.abc import Callable, Iterable
from typing import Any

# As long as an answer of Latchkey's, the longer of the two sides'.
ANSWER = json.dumps({"access": "a" * 640, "refresh": "r" * 400, "rest": "x" * 160}).encode()


def application(
    environ: dict[str, Any], start_response: Callable[[str, list[tuple[str, str]]], Any]
) -> Iterable[bytes]:
    environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Length", str(len(ANSWER)))])
    return [ANSWER]
