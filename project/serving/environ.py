"""Build the environ of a request (PEP 3333) from its ASGI scope.

Each variable comes from one header name only. A server that follows CGI makes
HTTP_X_FORWARDED_FOR from `X-Forwarded-For` and from `X_Forwarded_For`, so that a client could
override the header of the proxy.
"""

import sys
from typing import Any
from urllib.parse import unquote_to_bytes

from project.web.refusal import RequestRefusal, is_utf8

#: Headers that affect security. A request with two of the same is ambiguous.
SINGLE = frozenset(
    {
        *("HTTP_HOST", "CONTENT_LENGTH", "CONTENT_TYPE", "HTTP_AUTHORIZATION", "HTTP_ORIGIN"),
        *("HTTP_IDEMPOTENCY_KEY", "HTTP_X_CSRFTOKEN", "HTTP_X_FORWARDED_PROTO", "HTTP_REFERER"),
    }
)
CONSTANT = {
    "SCRIPT_NAME": "",
    "wsgi.version": (1, 0),
    "wsgi.url_scheme": "http",
    "wsgi.errors": sys.stderr,
    "wsgi.multithread": True,
    "wsgi.multiprocess": True,
    "wsgi.run_once": False,
}
MAX_NAMES = 256  # of header names whose variables are cached

_variables = {b"content-type": "CONTENT_TYPE", b"content-length": "CONTENT_LENGTH"}
#: WhiteNoise would stream a part of a file in a thread, which a slow client would occupy. A server
#: may ignore the header and send the whole file (RFC 9110, section 14.2).
_LEFT_OUT = frozenset({b"range"})


def build(scope: dict[str, Any]) -> dict[str, Any]:
    """Return the environ of a request, without its body.

    Range and headers with an underscore in their name are left out. Lines of the same name are
    joined in their order. A header of SINGLE that occurs twice is left out, and the site refuses
    the request.
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
    if not is_utf8(environ.get("CONTENT_TYPE", "")):
        del environ["CONTENT_TYPE"]
        RequestRefusal(400, "bad_request", "Send the body in UTF-8.").put_into(environ)
    if repeated:
        for variable in repeated:
            del environ[variable]
        RequestRefusal(400, "bad_request", "A header was sent twice.").put_into(environ)
    return environ


def _variable(name: bytes) -> str:
    """Return the variable of a header, or "" for a header that is left out."""
    if b"_" in name or name in _LEFT_OUT:
        return ""
    variable = f"HTTP_{name.decode('latin-1').upper().replace('-', '_')}"
    if len(_variables) < MAX_NAMES:  # Clients choose the names.
        _variables[name] = variable
    return variable
