"""Call the site's WSGI application in this process, without a server."""

import json
import sys
from collections.abc import Callable
from io import BytesIO
from typing import Any

from benchmarks.clients import Pair

JSON = "application/json"


class Caller:
    """A client with one session. Create it after `django.setup`."""

    def __init__(self, pair: Pair, port: int) -> None:
        from project.wsgi import application  # noqa: PLC0415  (the environment is set now)

        self.application: Callable[..., Any] = application
        self.pair = pair
        self.port = port
        self.session = ""

    def refresh(self) -> None:
        self.spend(self.pair.refresh)

    def spend(self, token: str) -> None:
        """Refresh with this token, and keep the pair."""
        body = json.dumps({"refresh": token}).encode()
        self.keep(self.call("POST", "/api/auth/refresh/", body, CONTENT_TYPE=JSON))

    def sign_in(self, username: str, password: str) -> None:
        body = json.dumps({"username": username, "password": password}).encode()
        self.keep(self.call("POST", "/api/auth/login/", body, CONTENT_TYPE=JSON))

    def keep(self, answer: bytes) -> None:
        pair = json.loads(answer)
        self.pair.access, self.pair.refresh = pair["access"], pair["refresh"]
        self.session = pair["session"]

    def read(self) -> None:
        self.call("GET", "/api/who/", HTTP_AUTHORIZATION=f"Bearer {self.pair.access}")

    def list_devices(self) -> None:
        self.call("GET", "/api/auth/sessions/", HTTP_AUTHORIZATION=f"Bearer {self.pair.access}")

    def call(self, method: str, path: str, body: bytes = b"", **more: str) -> bytes:
        """Send a request, which must succeed, and return the body of its answer."""
        environ = {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": path,
            "QUERY_STRING": "",
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": str(self.port),
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "HTTP_HOST": f"127.0.0.1:{self.port}",
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.url_scheme": "http",
            "wsgi.input": BytesIO(body),
            "wsgi.errors": sys.stderr,
            **more,
        }
        started: list[str] = []
        response = self.application(environ, lambda status, headers: started.append(status))
        answer = b"".join(response)
        response.close()
        if started != ["200 OK"]:
            raise RuntimeError(f"{path} was answered {started}: {answer[:200]!r}")
        return answer
