"""What the site is told of a request: the environ of PEP 3333, made from an ASGI scope.

Each variable is made from one name of a header only. A server that follows CGI makes
HTTP_X_FORWARDED_FOR from `X-Forwarded-For` and from `X_Forwarded_For`, and a client could override
by the second what a proxy says in the first.
"""

import re
import sys
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

#: Headers that decide something. A request that has one twice can be read in two ways.
SINGLE = frozenset(
    {
        *("HTTP_HOST", "CONTENT_LENGTH", "CONTENT_TYPE", "HTTP_AUTHORIZATION", "HTTP_ORIGIN"),
        *("HTTP_IDEMPOTENCY_KEY", "HTTP_X_CSRFTOKEN", "HTTP_X_FORWARDED_PROTO", "HTTP_REFERER"),
    }
)
UTF8 = re.compile(r';\s*charset\s*=\s*"?utf-?8"?\s*(;|$)', re.IGNORECASE)
#: The variable that makes the site refuse a request.
REFUSAL = "latchkey.refusal"
CONSTANT = {
    "SCRIPT_NAME": "",
    "wsgi.version": (1, 0),
    "wsgi.url_scheme": "http",
    "wsgi.errors": sys.stderr,
    "wsgi.multithread": True,
    "wsgi.multiprocess": True,
    "wsgi.run_once": False,
}
MAX_NAMES = 256  # of headers whose variables are remembered

_variables = {b"content-type": "CONTENT_TYPE", b"content-length": "CONTENT_LENGTH"}
#: WhiteNoise streams a part of a file in a thread, which a client that reads slowly would keep. A
#: server may ignore the header and send the whole file (RFC 9110, section 14.2).
_LEFT_OUT = frozenset({b"range"})


@dataclass(frozen=True)
class Refusal:
    """How a request is answered that the site does not see to."""

    status: int
    code: str
    detail: str

    def put_into(self, environ: dict[str, Any]) -> None:
        environ[REFUSAL] = self
        # The refusal is the answer, not a redirect to https.
        environ["wsgi.url_scheme"] = "https"


def build(scope: dict[str, Any]) -> dict[str, Any]:
    """Return the environ of a request, without its body.

    Headers with an underscore in their name are left out, and Range. Lines of the same name are
    joined in their order. A header of SINGLE that comes twice is left out, and the site refuses the
    request.
    """
    path = scope["raw_path"]
    environ: dict[str, Any] = {
        **CONSTANT,
        "REQUEST_METHOD": scope["method"],
        "PATH_INFO": (unquote_to_bytes(path) if b"%" in path else path).decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "SERVER_NAME": scope["server"][0],
        "SERVER_PORT": scope["server"][1],
        "REMOTE_ADDR": scope["client"][0],
    }
    repeated = set()
    for name, value in scope["headers"]:
        variable = _variables.get(name) or _variable(name)
        if not variable:
            continue
        if variable not in environ:
            environ[variable] = value.decode("latin-1")
        elif variable in SINGLE:
            repeated.add(variable)
        else:
            separator = "; " if variable == "HTTP_COOKIE" else ","
            environ[variable] += separator + value.decode("latin-1")
    kind = environ.get("CONTENT_TYPE", "")
    if "charset" in kind.lower() and not UTF8.search(kind):
        # Django takes any codec of Python, also for the query, and fails with some of them.
        del environ["CONTENT_TYPE"]
        Refusal(400, "bad_request", "Send the body in UTF-8.").put_into(environ)
    if repeated:
        for variable in repeated:
            del environ[variable]
        Refusal(400, "bad_request", "A header was sent twice.").put_into(environ)
    return environ


def _variable(name: bytes) -> str:
    """Return the variable of a header, or "" for a header that is left out."""
    if b"_" in name or name in _LEFT_OUT:
        return ""
    variable = f"HTTP_{name.decode('latin-1').upper().replace('-', '_')}"
    if len(_variables) < MAX_NAMES:  # Clients choose the names.
        _variables[name] = variable
    return variable
