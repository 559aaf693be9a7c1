"""Call the API of the site in this process, with the application that the server runs."""

import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.urls import reverse
from django.utils.module_loading import import_string


@dataclass
class Answer:
    """The answer of the API as it was received."""

    status_line: str = ""  # without the version of HTTP, as "409 Conflict"
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def status(self) -> int:
        return int(self.status_line.partition(" ")[0])

    @property
    def pair(self) -> dict[str, Any]:
        """The body of a 200."""
        pair: dict[str, Any] = json.loads(self.body)
        return pair


def refresh(token: str, *, ip_address: str, retry_key: str = "") -> Answer:
    """Send `POST /api/auth/refresh/` from this IP address, and return the answer.

    The call has the middleware, the view, the throttle and the log line of every other call, but no
    network. It uses the database connection of this thread.
    """
    environ = request(reverse("refresh"), json.dumps({"refresh": token}).encode(), ip_address)
    if retry_key:
        environ["HTTP_IDEMPOTENCY_KEY"] = retry_key
    answer = Answer()

    def start_response(status: str, headers: Iterable[tuple[str, str]], *_: Any) -> None:
        answer.status_line, answer.headers = status, dict(headers)

    response = import_string(settings.WSGI_APPLICATION)(environ, start_response)
    try:
        answer.body = b"".join(response)
    finally:
        response.close()
    return answer


def request(path: str, body: bytes, ip_address: str) -> dict[str, Any]:
    """Return the environ (PEP 3333) of a POST of this JSON, as if no proxy had forwarded it."""
    url = urlsplit(settings.PUBLIC_URL)
    return {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SERVER_NAME": url.hostname,
        "SERVER_PORT": str(url.port or ""),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": ip_address,
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_HOST": url.netloc,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": url.scheme,
        "wsgi.input": BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
